// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/guard_rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guard/compile.h"
#include "stoq_guard.skel.h"

struct stoq_guard_bpf *the_guard;
struct stoq_guard_bpf *the_auditor;
static struct stoq_guard_bpf *the_other; /* in whose place the_guard is */
bool guard_audited;
enum stoq_guard_strictness guard_strictness = STOQ_GUARD_STRICT_ALWAYS;
struct stoq_guard_compiled *guard_compiled;
static uint64_t generation;

/* Two programs with the same tables, as when one takes the place of the other. */
static int take_over(struct stoq_guard_bpf *guard, const struct stoq_guard_bpf *before)
{
	struct bpf_map *map;
	int result = 0;

	bpf_object__for_each_map(map, guard->obj)
	{
		const char *name = bpf_map__name(map);
		const struct bpf_map *old = bpf_object__find_map_by_name(before->obj, name);

		if (!result && !strstr(name, ".rodata"))
			result = bpf_map__reuse_fd(map, bpf_map__fd(old));
	}
	return result;
}

/* before: whose tables it takes over, or NULL. NULL: it does not load. */
static struct stoq_guard_bpf *load(bool audit, const struct stoq_guard_bpf *before)
{
	struct stoq_guard_bpf *guard = stoq_guard_bpf__open();

	if (!guard || (before && take_over(guard, before)))
		return NULL;
	guard->rodata->stoq_guard_strict = (uint8_t)guard_strictness;
	guard->rodata->stoq_guard_audit = audit;
	guard->rodata->stoq_keep_details = 0;
	if (stoq_guard_bpf__load(guard) == 0)
		return guard;
	if (errno == EPERM) {
		printf("SKIP: this process may not load BPF programs (%s)\n", strerror(errno));
		exit(RIG_SKIP);
	}
	stoq_guard_bpf__destroy(guard);
	return NULL;
}

int guard_setup(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		printf("SKIP: loading BPF programs needs root\n");
		exit(RIG_SKIP);
	}
	the_guard = load(false, NULL);
	if (guard_audited)
		the_auditor = load(true, NULL);
	return the_guard && (the_auditor || !guard_audited) ? 0 : -1;
}

/* What one has refused and dropped, the other would have. */
static int compare_totals(void)
{
	for (int i = 0; i < STOQ_GUARD_TOTALS; i++) {
		bool changes = i >= STOQ_GUARD_PATCHED && i <= STOQ_GUARD_PATCHED_AGAIN;
		/* Of what has passed before, or not. */
		bool depends = i == STOQ_GUARD_ENDED || i == STOQ_GUARD_DROP_ENDED ||
			       i == STOQ_GUARD_DROP_DISORDER;
		uint64_t real = guard_total_of(the_guard, i),
			 audit = guard_total_of(the_auditor, i);

		if (changes ? audit == 0 : depends || !real == !audit)
			continue;
		printf("total %d: %llu enforced, %llu in audit mode\n", i, (unsigned long long)real,
			(unsigned long long)audit);
		return -1;
	}
	return 0;
}

int guard_teardown(void **state)
{
	(void)state;
	if (the_auditor && compare_totals())
		exit(1); /* cmocka does not count what a teardown finds */
	stoq_guard_bpf__destroy(the_guard);
	stoq_guard_bpf__destroy(the_auditor);
	stoq_guard_bpf__destroy(the_other);
	the_auditor = NULL;
	the_other = NULL;
	free(guard_compiled);
	guard_compiled = NULL;
	return 0;
}

void guard_own_interfaces(void)
{
	if (geteuid() != 0)
		return; /* guard_setup() says so */
	if (unshare(CLONE_NEWNET) == 0 &&
		system("ip link add front type veth peer name back") == 0 &&
		system("ip link add third type veth peer name fourth") == 0)
		return;
	printf("SKIP: no network namespace with veth interfaces\n");
	exit(RIG_SKIP);
}

/* ---- policies and what is counted ---- */

static int put_inner(const struct bpf_map *outer, uint32_t entry, int inner)
{
	int result = bpf_map_update_elem(bpf_map__fd(outer), &entry, &inner, BPF_ANY);

	close(inner);
	return result;
}

static void install_compiled(
	struct stoq_guard_bpf *guard, const struct stoq_guard_compiled *compiled)
{
	struct stoq_guard_installed *installed = calloc(1, sizeof(*installed));
	uint32_t zero = 0;
	int fd;

	assert_non_null(installed);
	installed->generation = generation;
	installed->counts = generation % STOQ_GUARD_COUNTS_ENTRIES;
	installed->policy = *compiled;
	fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "counts", sizeof(uint32_t),
		sizeof(struct stoq_guard_counts), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(put_inner(guard->maps.stoq_guard_counts, installed->counts, fd), 0);
	fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "policy", sizeof(uint32_t), sizeof(*installed), 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, installed, BPF_ANY), 0);
	assert_int_equal(put_inner(guard->maps.stoq_guard_policies, 0, fd), 0);
	free(installed);
}

void guard_install(const char *yaml)
{
	struct stoq_guard_compiled *compiled = NULL;
	struct stoq_guard_policy policy;
	struct stoq_error error;
	uint32_t zero = 0;

	if (!yaml) {
		bpf_map_delete_elem(bpf_map__fd(the_guard->maps.stoq_guard_policies), &zero);
		if (the_auditor)
			bpf_map_delete_elem(
				bpf_map__fd(the_auditor->maps.stoq_guard_policies), &zero);
		return;
	}
	if (stoq_guard_policy_parse(&policy, "test", yaml, strlen(yaml), &error) ||
		stoq_guard_compile(&policy, &compiled, &error)) {
		fail_msg("%s", error.text);
		return;
	}
	generation++;
	install_compiled(the_guard, compiled);
	if (the_auditor)
		install_compiled(the_auditor, compiled);
	stoq_guard_policy_free(&policy);
	free(guard_compiled);
	guard_compiled = compiled;
}

void guard_replace(bool audit)
{
	if (the_guard->rodata->stoq_guard_audit != audit) {
		struct stoq_guard_bpf *other = the_other ? the_other : load(audit, the_guard);

		assert_non_null(other);
		the_other = the_guard;
		the_guard = other;
	}
	generation++;
	install_compiled(the_guard, guard_compiled);
}

/* The sum over all CPUs of the 64-bit number at `offset` of a map's only value. */
static uint64_t sum_of(int fd, size_t value_bytes, size_t offset)
{
	size_t cpus = libbpf_num_possible_cpus(), stride = (value_bytes + 7) & ~(size_t)7;
	uint8_t *values = calloc(cpus, stride);
	uint64_t sum = 0, value;
	uint32_t zero = 0;

	assert_non_null(values);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, values), 0);
	for (size_t i = 0; i < cpus; i++) {
		memcpy(&value, values + i * stride + offset, sizeof(value));
		sum += value;
	}
	free(values);
	return sum;
}

uint64_t guard_total_of(struct stoq_guard_bpf *guard, enum stoq_guard_total total)
{
	return sum_of(bpf_map__fd(guard->maps.stoq_guard_totals), sizeof(struct stoq_guard_totals),
		total * sizeof(uint64_t));
}

uint64_t guard_total(enum stoq_guard_total total)
{
	return guard_total_of(the_guard, total);
}

uint64_t guard_rule_count(uint32_t rule)
{
	uint32_t entry = generation % STOQ_GUARD_COUNTS_ENTRIES, id;
	uint64_t count;
	int fd;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_guard_counts), &entry, &id),
		0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	count = sum_of(fd, sizeof(struct stoq_guard_counts), rule * sizeof(uint64_t));
	close(fd);
	return count;
}

static uint64_t log_last(struct stoq_guard_bpf *guard)
{
	struct stoq_guard_state state;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(guard->maps.stoq_guard_state), &zero, &state), 0);
	return state.log_last;
}

static struct stoq_guard_record record_of(struct stoq_guard_bpf *guard, uint64_t sequence)
{
	uint32_t key = sequence % STOQ_GUARD_LOG_RECORDS;
	struct stoq_guard_record record;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(guard->maps.stoq_guard_log), &key, &record), 0);
	assert_int_equal(record.sequence, sequence);
	return record;
}

uint64_t guard_log_last(void)
{
	return log_last(the_guard);
}

struct stoq_guard_record guard_record(uint64_t sequence)
{
	return record_of(the_guard, sequence);
}

struct stoq_guard_record guard_last_record(void)
{
	return guard_last_record_of(the_guard);
}

struct stoq_guard_record guard_last_record_of(struct stoq_guard_bpf *guard)
{
	return record_of(guard, log_last(guard));
}

static void empty(int fd)
{
	uint64_t key;

	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
}

void guard_empty_chunks(void)
{
	empty(bpf_map__fd(the_guard->maps.stoq_guard_chunks));
	if (the_auditor)
		empty(bpf_map__fd(the_auditor->maps.stoq_guard_chunks));
}

/* ---- packets ---- */

/* What the program makes of a frame: its verdict. */
static int run(struct stoq_guard_bpf *guard, struct guard_place place, const uint8_t *frame,
	size_t length, uint8_t *out)
{
	struct __sk_buff context = {.ifindex = place.ifindex, .ingress_ifindex = place.from};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		.data_out = out, .data_size_out = WIRE_FRAME_MAX, .repeat = 1);

	if (place.ifindex) {
		options.ctx_in = &context;
		options.ctx_size_in = sizeof(context);
	}
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(guard->progs.stoq_guard), &options), 0);
	assert_int_equal(options.data_size_out, length);
	return (int)options.retval;
}

/* Audit mode: whatever the packet is, it passes, and not one byte of it is another. */
void guard_audit_run(struct guard_place place, const uint8_t *frame, size_t length)
{
	static uint8_t left[WIRE_FRAME_MAX];

	assert_int_equal(run(the_auditor, place, frame, length, left), TC_ACT_UNSPEC);
	assert_memory_equal(left, frame, length);
}

bool guard_run_at(struct guard_place place, const uint8_t *frame, size_t length, uint8_t *out)
{
	static uint8_t left[WIRE_FRAME_MAX];
	int verdict = run(the_guard, place, frame, length, out ? out : left);

	if (the_auditor)
		guard_audit_run(place, frame, length);
	if (verdict == TC_ACT_SHOT)
		return false;
	assert_int_equal(verdict, TC_ACT_UNSPEC);
	return true;
}

bool guard_run(const uint8_t *frame, size_t length, uint8_t *out)
{
	return guard_run_at((struct guard_place){0}, frame, length, out);
}

static void receive(struct guard_link *link, enum nvme_tcp_side side, size_t from,
	const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (link->here[side][from + i])
			continue;
		link->here[side][from + i] = true;
		link->received[side][from + i] = bytes[i];
	}
}

size_t link_arrived(const struct guard_link *link, enum nvme_tcp_side side)
{
	size_t count = 0;

	while (count < LINK_BYTES && link->here[side][count])
		count++;
	return count;
}

/* The guard has made something else of a segment, to end the connection. */
static void count_turned(struct guard_link *link, enum nvme_tcp_side side, const uint8_t *out)
{
	const uint8_t *tcp = out + wire_payload_offset(&link->path) - 20 -
			     4 * (size_t)link->path.tcp_option_words;
	size_t expected = link->first[side] + link_arrived(link, side);
	uint32_t sequence;

	memcpy(&sequence, tcp + 4, sizeof(sequence));
	sequence = ntohl(sequence);
	if (tcp[13] & WIRE_RST) {
		link->resets++;
		link->reset_exact |= sequence == (uint32_t)expected;
	} else {
		assert_true((int32_t)(sequence - (uint32_t)expected) < -(1 << 29));
		link->unacceptable++;
	}
}

static bool is_turned(const struct guard_link *link, const uint8_t *frame, const uint8_t *out)
{
	size_t tcp =
		wire_payload_offset(&link->path) - 20 - 4 * (size_t)link->path.tcp_option_words;

	return memcmp(out + tcp, frame + tcp, 16) != 0;
}

bool link_send_bytes(struct guard_link *link, enum nvme_tcp_side side, size_t from,
	const uint8_t *bytes, size_t length)
{
	uint8_t frame[WIRE_FRAME_MAX], out[WIRE_FRAME_MAX];
	size_t acknowledged = link->no_acknowledgement ? 0 : link_arrived(link, !side);
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = link->first[side] + (uint32_t)from,
		.acknowledged = link->first[!side] + (uint32_t)acknowledged,
		.flags = WIRE_ACK,
		.payload = bytes,
		.payload_bytes = length,
	};
	size_t frame_bytes = wire_make(frame, &link->path, &segment);
	size_t payload = wire_payload_offset(&link->path);

	assert_true(from + length <= LINK_BYTES);
	wire_set_checksum(frame, frame_bytes, &link->path);
	assert_true(wire_has_checksum(frame, frame_bytes, &link->path));
	if (!guard_run_at(link->place[side], frame, frame_bytes, out))
		return false;
	assert_true(wire_has_checksum(out, frame_bytes, &link->path));
	if (is_turned(link, frame, out)) {
		count_turned(link, side, out);
		return false;
	}
	assert_memory_equal(
		out + payload + length, frame + payload + length, frame_bytes - payload - length);
	memcpy(frame + payload - 4, out + payload - 4,
		4); /* the checksum, if there are no options */
	if (!link->path.tcp_option_words)
		assert_memory_equal(out, frame, payload);
	if (!link->loses)
		receive(link, side, from, out + payload, length);
	return true;
}

bool link_send(struct guard_link *link, enum nvme_tcp_side side, size_t from, size_t to)
{
	return link_send_bytes(link, side, from, link->bytes[side] + from, to - from);
}

bool link_flush(struct guard_link *link, enum nvme_tcp_side side)
{
	size_t from = link_arrived(link, side);

	while (from < link->written[side]) {
		size_t to = link->written[side];

		if (to - from > WIRE_PAYLOAD_MAX)
			to = from + WIRE_PAYLOAD_MAX;
		if (!link_send(link, side, from, to))
			return false;
		from = to;
	}
	return true;
}

size_t link_write(struct guard_link *link, enum nvme_tcp_side side)
{
	size_t at = link->written[side];

	assert_true(at + link->dialog.length <= LINK_BYTES);
	memcpy(link->bytes[side] + at, link->dialog.bytes, link->dialog.length);
	link->written[side] += link->dialog.length;
	link->dialog.length = 0;
	return at;
}

/* ---- connections ---- */

bool link_flags(struct guard_link *link, enum nvme_tcp_side side, uint8_t flags, uint32_t sequence,
	uint32_t acknowledged, size_t bytes)
{
	static const uint8_t nothing[WIRE_PAYLOAD_MAX];
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = sequence,
		.acknowledged = acknowledged,
		.flags = flags,
		.payload = nothing,
		.payload_bytes = bytes,
	};
	uint8_t frame[WIRE_FRAME_MAX];

	return guard_run_at(
		link->place[side], frame, wire_make(frame, &link->path, &segment), NULL);
}

static void send_flag(struct guard_link *link, enum nvme_tcp_side side, uint8_t flags)
{
	assert_true(link_flags(link, side, flags, link->first[side] - 1, link->first[!side], 0));
}

void link_start(struct guard_link *link)
{
	static uint32_t links; /* each has another port, or another host */

	/* The one that it was until now makes room. */
	if (link->path.host_port)
		link_flags(link, NVME_TCP_FROM_CONTROLLER, WIRE_RST, 0, 0, 0);
	link->path = rig_path();
	link->path.host_port = (uint16_t)(40000 + links % 20000);
	link->path.host_address -= links++ / 20000;
	memset(link->place, 0, sizeof(link->place));
	link->first[NVME_TCP_FROM_HOST] = 0xfffff000u; /* wraps soon */
	link->first[NVME_TCP_FROM_CONTROLLER] = 0x20000;
	memset(link->written, 0, sizeof(link->written));
	memset(link->here, 0, sizeof(link->here));
	link->no_acknowledgement = false;
	link->loses = false;
	link->resets = 0;
	link->unacceptable = 0;
	link->reset_exact = false;
	link->dialog.length = 0;
	link->dialog.format = (struct nvme_tcp_format){0};
}

void link_syns(struct guard_link *link)
{
	send_flag(link, NVME_TCP_FROM_HOST, WIRE_SYN);
	send_flag(link, NVME_TCP_FROM_CONTROLLER, WIRE_SYN | WIRE_ACK);
}

void link_negotiate(struct guard_link *link)
{
	link_syns(link);
	dialog_icreq(&link->dialog);
	link_write(link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(link, NVME_TCP_FROM_HOST));
	dialog_icresp(&link->dialog);
	link_write(link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(link, NVME_TCP_FROM_CONTROLLER));
}

void link_handshake(struct guard_link *link, uint16_t qid)
{
	link_negotiate(link);
	dialog_connect(&link->dialog, 0, qid);
	link_write(link, NVME_TCP_FROM_HOST);
	assert_true(link_flush(link, NVME_TCP_FROM_HOST));
	link_complete(link, 0);
}

void link_complete(struct guard_link *link, uint16_t cid)
{
	dialog_response(&link->dialog, cid, 0, 5);
	link_write(link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(link, NVME_TCP_FROM_CONTROLLER));
}

void link_r2t(
	struct guard_link *link, uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(&link->dialog, front,
		nvme_tcp_encode_r2t(front, &link->dialog.format, cid, ttag, offset, length));
	link_write(link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(link, NVME_TCP_FROM_CONTROLLER));
}

void link_open(struct guard_link *link, uint16_t qid)
{
	link_start(link);
	link_handshake(link, qid);
}

static void map_address(uint64_t mapped[static 2], uint32_t address)
{
	uint32_t word = htonl(address);

	memset(mapped, 0, 2 * sizeof(*mapped));
	memset((uint8_t *)mapped + 10, 0xff, 2);
	memcpy((uint8_t *)mapped + 12, &word, sizeof(word));
}

struct stoq_flow_key link_key(const struct guard_link *link)
{
	__be16 host_port = htons(link->path.host_port), port = htons(link->path.controller_port);
	__u64 host[2], controller[2];
	int host_is_a;
	struct stoq_flow_key key = {0};

	map_address((uint64_t *)host, link->path.host_address);
	map_address((uint64_t *)controller, link->path.controller_address);
	host_is_a = stoq_end_is_first(host, controller, host_port, port);
	memcpy(key.address_a, host_is_a ? host : controller, sizeof(key.address_a));
	memcpy(key.address_b, host_is_a ? controller : host, sizeof(key.address_b));
	key.port_a = host_is_a ? host_port : port;
	key.port_b = host_is_a ? port : host_port;
	return key;
}

bool link_flow(const struct guard_link *link, struct stoq_flow *flow)
{
	struct stoq_flow_key key = link_key(link);

	return bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_flows), &key, flow) == 0;
}

struct stoq_guard_room guard_room(void)
{
	struct stoq_guard_room room;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(the_guard->maps.stoq_guard_room), &zero, &room), 0);
	return room;
}

void guard_set_limit(uint64_t limit)
{
	struct stoq_guard_room room = guard_room();
	uint32_t zero = 0;

	room.limit = limit;
	room.swept_ns = 0;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_guard->maps.stoq_guard_room), &zero,
				 &room, BPF_ANY),
		0);
	if (the_auditor)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(the_auditor->maps.stoq_guard_room),
					 &zero, &room, BPF_ANY),
			0);
}

/* ---- what arrived ---- */

static void check_digest(const struct guard_link *link, enum nvme_tcp_side side, size_t at)
{
	const uint8_t *pdu = link->received[side] + at;

	assert_true(at + pdu[2] <= link_arrived(link, side));
	if (pdu[1] & NVME_TCP_FLAG_HDGST)
		assert_int_equal(nvme_digest_load(pdu + pdu[2]), nvme_crc32c(pdu, pdu[2]));
}

struct nvme_sqe link_command(const struct guard_link *link, size_t at)
{
	struct nvme_sqe sqe;

	assert_int_equal(link->received[NVME_TCP_FROM_HOST][at], NVME_TCP_CAPSULE_CMD);
	check_digest(link, NVME_TCP_FROM_HOST, at);
	memcpy(&sqe, link->received[NVME_TCP_FROM_HOST] + at + sizeof(struct nvme_tcp_hdr),
		sizeof(sqe));
	return sqe;
}

struct nvme_cqe link_response(const struct guard_link *link, size_t at)
{
	struct nvme_cqe cqe;

	assert_int_equal(link->received[NVME_TCP_FROM_CONTROLLER][at], NVME_TCP_CAPSULE_RESP);
	check_digest(link, NVME_TCP_FROM_CONTROLLER, at);
	memcpy(&cqe, link->received[NVME_TCP_FROM_CONTROLLER] + at + sizeof(struct nvme_tcp_hdr),
		sizeof(cqe));
	return cqe;
}

bool link_is_refused(const struct nvme_sqe *sqe)
{
	uint8_t code =
		sqe->opcode == NVME_OPCODE_FABRICS ? nvme_le32(sqe->nsid) & 0xff : sqe->opcode;

	return (code & 0xfc) == 0x70 || nvme_le32(sqe->nsid) >> 24 == 0xfe ||
	       (nvme_sqe_slba(sqe) >> 48 & 0xff) == 0xff ||
	       (nvme_sqe_block_count(sqe) > 0xff00 && (code & 3));
}

struct nvme_io_fields link_fields(uint8_t opcode, uint16_t cid, uint32_t nsid, uint64_t slba)
{
	return (struct nvme_io_fields){
		.opcode = opcode,
		.cid = cid,
		.nsid = nsid,
		.slba = slba,
		.blocks = 8,
		.data_bytes = opcode & 3 ? 512 : 0,
		.in_capsule = opcode & 1,
	};
}

size_t link_write_command(struct guard_link *link, const struct nvme_io_fields *fields)
{
	dialog_command(&link->dialog, fields);
	return link_write(link, NVME_TCP_FROM_HOST);
}
