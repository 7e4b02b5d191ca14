// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "capture/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/digests.h"
#include "capture/table.h"

#define STOQ_CAPTURE
#define STOQ_STAGED 1
/* A capture has time for a switch. */
static bool checking;
#define STOQ_CHECKED checking
#include "bpf/stream/stoq_watch.bpf.c" // NOLINT(bugprone-suspicious-include)

#define EVENT_BYTES 512 /* more than any event has */
#define MAPS	    18	/* that the program has */
#define INDEX_WIRED 2	/* interfaces of packets: with an Ethernet header, ... */
#define INDEX_BARE  1	/* ... and without */
#define NO_MEMORY                                                                                  \
	"no memory for the tables of the decoder: lower --max-flows, --max-commands, --max-series or --max-early"

/* A map: what libbpf reads from its type. */
struct map {
	void *variable;
	size_t key_bytes, value_bytes;
	uint32_t type, entries;
	struct stoq_table **table; /* where the user finds it, or NULL */
};

struct stoq_program {
	uint64_t now_ns;
	int (*take)(void *, void *, size_t);
	void *context;
	size_t event_bytes;
	uint64_t event[EVENT_BYTES / sizeof(uint64_t)];
	struct stoq_program_tables tables;
	struct stoq_table *all[MAPS];
	size_t table_count;
	struct stoq_table
		*digests; /* struct stoq_digest_pdu, by flow and side; NULL: not checked */
	struct stoq_digest_counts digest_counts;
};

static struct stoq_program *running;

/* ---- the helpers that the program calls ---- */

static struct stoq_table *table_of(const void *map)
{
	struct stoq_table *table;

	memcpy(&table, map, sizeof(struct stoq_table *));
	if (!table)
		abort(); /* a map of the program that make_maps() does not have */
	return table;
}

static void *bpf_map_lookup_elem(void *map, const void *key)
{
	return stoq_table_find(table_of(map), key);
}

static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	return stoq_table_put(table_of(map), key, value, flags == BPF_NOEXIST);
}

static long bpf_map_delete_elem(void *map, const void *key)
{
	return stoq_table_remove(table_of(map), key);
}

static void *bpf_ringbuf_reserve(void *ringbuf, __u64 size, __u64 flags)
{
	if (size > EVENT_BYTES)
		return NULL;
	running->event_bytes = size;
	return running->event;
}

static void bpf_ringbuf_submit(void *data, __u64 flags)
{
	if (running->take)
		running->take(running->context, data, running->event_bytes);
}

static __u64 bpf_ktime_get_ns(void)
{
	return running->now_ns;
}

static __u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

static long bpf_skb_load_bytes(const struct __sk_buff *skb, __u32 offset, void *to, __u32 length)
{
	unsigned long captured = skb->data_end - skb->data;

	if (offset > captured || length > captured - offset)
		return -EFAULT;
	memcpy(to, (const void *)(skb->data + offset), length); // NOLINT(performance-no-int-to-ptr)
	return 0;
}

/* What was not captured cannot be pulled. */
static long bpf_skb_pull_data(struct __sk_buff *skb, __u32 length)
{
	return -ENOMEM;
}

static long bpf_tail_call(struct __sk_buff *skb, void *programs, __u32 index)
{
	return -ENOENT;
}

/* ---- digests ---- */

/* What is known while a digest is computed, for when it is wrong. */
struct digesting {
	struct stoq_flow *flow;
	struct stoq_cpu *cpu;
	struct stoq_digest_pdu *pdu;
	bool header_wrong;
};

static void on_wrong_digest(void *context, enum stoq_digest which, uint32_t computed, uint32_t came)
{
	struct digesting *digesting = context;
	struct nvme_tcp_icreq_pdu header;

	memcpy(&header, digesting->pdu->header, sizeof(header));
	digesting->cpu->violation.sequence = digesting->pdu->sequence;
	digesting->header_wrong |= which == STOQ_DIGEST_HEADER;
	stoq_violate(digesting->flow, digesting->cpu, &header,
		which == STOQ_DIGEST_HEADER ? STOQ_VIOLATION_HEADER_DIGEST_WRONG
					    : STOQ_VIOLATION_DATA_DIGEST_WRONG,
		computed, came);
}

/* What early bytes have, up to the first that have not come. */
static void digest_early_bytes(
	struct stoq_cpu *cpu, struct stoq_digest_pdu *pdu, const struct stoq_digest_sink *sink)
{
	struct stoq_header_room room;
	uint32_t at, bytes;

	while (pdu->next < pdu->end) {
		at = pdu->sequence + pdu->next - cpu->sequence;
		if (at >= cpu->payload_bytes)
			return;
		bytes = stoq_early_load(cpu, at, &room);
		if (!bytes)
			return;
		if (bytes > cpu->payload_bytes - at)
			bytes = cpu->payload_bytes - at;
		stoq_digest_take(pdu, cpu->sequence + at, room.bytes, bytes, sink);
	}
}

/* What the payload at hand has of the PDU. Not 0: its header is wrong. */
static int digest_payload(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct stoq_digest_pdu *pdu)
{
	struct digesting digesting = {flow, cpu, pdu, false};
	const struct stoq_digest_sink sink = {on_wrong_digest, &digesting, &running->digest_counts};

	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	const uint8_t *bytes = (const uint8_t *)(skb->data + cpu->payload_offset);

	if (cpu->early)
		digest_early_bytes(cpu, pdu, &sink);
	else
		stoq_digest_take(pdu, cpu->sequence, bytes, stoq_present(skb, cpu), &sink);
	return digesting.header_wrong;
}

static uint64_t digest_key(const struct stoq_flow *flow, const struct stoq_cpu *cpu)
{
	return (uint64_t)flow->uid << 1 | (cpu->side & 1);
}

/* Those that the ends have agreed on, where that was seen: one that is there besides is a violation already. */
static uint8_t digest_flags(const struct stoq_flow *flow, const struct nvme_tcp_hdr *hdr)
{
	uint8_t flags = hdr->flags & (NVME_TCP_FLAG_HDGST | NVME_TCP_FLAG_DDGST);
	uint8_t both = STOQ_NEGOTIATED_ICREQ | STOQ_NEGOTIATED_ICRESP;

	if (hdr->type < NVME_TCP_CAPSULE_CMD)
		return 0;
	if ((flow->negotiated & both) != both)
		return flags;
	return flags & flow->negotiated & flow->negotiated >> STOQ_NEGOTIATED_ANSWER_SHIFT;
}

static int stoq_digest_pdu(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu,
	struct nvme_tcp_icreq_pdu *pdu, __u32 sequence)
{
	static const struct stoq_digest_pdu none;
	uint8_t flags = digest_flags(flow, &pdu->hdr);
	uint64_t key = digest_key(flow, cpu);
	struct stoq_digest_pdu *own = stoq_table_find(running->digests, &key);

	if (!own && !flags)
		return 0;
	if (!own && stoq_table_put(running->digests, &key, &none, true) == 0)
		own = stoq_table_find(running->digests, &key);
	if (!own)
		return 0;
	stoq_digest_begin(own, &pdu->hdr, sequence, flags, &running->digest_counts);
	return digest_payload(skb, flow, cpu, own);
}

static void stoq_digest_payload(struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	uint64_t key = digest_key(flow, cpu);
	struct stoq_digest_pdu *pdu = stoq_table_find(running->digests, &key);

	if (pdu)
		digest_payload(skb, flow, cpu, pdu);
}

/* Its header was late, and some of its data are early bytes: these take the packet's place. */
static void stoq_digest_early(struct __sk_buff *skb, struct stoq_flow *flow,
	struct stoq_flow_side *side, struct stoq_cpu *cpu)
{
	__u32 bytes = cpu->payload_bytes;

	cpu->payload_bytes = side->early_end - cpu->sequence;
	cpu->early_tag = stoq_cell_tag(flow, cpu, side->early_run, 0);
	cpu->early = 1;
	stoq_digest_payload(skb, flow, cpu);
	cpu->early = 0;
	cpu->payload_bytes = bytes;
}

/* ---- maps ---- */

#define MAP(name, place)                                                                           \
	{                                                                                          \
		&(name), sizeof(*(name).key), sizeof(*(name).value),                               \
			sizeof(*(name).type) / sizeof(int),                                        \
			sizeof(*(name).max_entries) / sizeof(int), place                           \
	}

static enum stoq_table_kind kind_of(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
		return STOQ_TABLE_HASH;
	case BPF_MAP_TYPE_LRU_HASH:
		return STOQ_TABLE_LRU;
	default:
		return STOQ_TABLE_ARRAY;
	}
}

static int make_map(struct stoq_program *program, const struct map *map)
{
	struct stoq_table *table =
		stoq_table_new(kind_of(map->type), map->key_bytes, map->value_bytes, map->entries);

	if (!table)
		return -ENOMEM;
	memcpy(map->variable, &table, sizeof(struct stoq_table *));
	program->all[program->table_count++] = table;
	if (map->table)
		*map->table = table;
	return 0;
}

static int make_maps(struct stoq_program *program, const struct stoq_table_sizes *sizes)
{
	struct stoq_program_tables *tables = &program->tables;
	struct map maps[] = {MAP(stoq_flows, &tables->flows), MAP(stoq_connects, &tables->connects),
		MAP(stoq_series, &tables->series), MAP(stoq_statuses, &tables->statuses),
		MAP(stoq_commands, &tables->commands), MAP(stoq_details, &tables->details),
		MAP(stoq_cells, NULL), MAP(stoq_courses, NULL), MAP(stoq_checks, NULL),
		MAP(stoq_unproven, &tables->unproven), MAP(stoq_newcomers, NULL),
		MAP(stoq_new_flow, NULL), MAP(stoq_new_connect, NULL), MAP(stoq_pieces, NULL),
		MAP(stoq_new_series, NULL), MAP(stoq_cpus, &tables->cpus),
		MAP(stoq_tcps, &tables->tcps), MAP(stoq_handshakes, NULL)};
	_Static_assert(sizeof(maps) / sizeof(maps[0]) == MAPS, "MAPS is their number");
	/* Those in front are as large as the caller wants them. */
	const uint32_t entries[] = {sizes->flows, sizes->flows,
		sizes->series + stoq_tables_reserved(), sizes->series + stoq_tables_reserved(),
		sizes->commands, sizes->commands, sizes->cells, sizes->commands, sizes->commands};
	int result = 0;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		maps[i].entries = entries[i];
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !result; i++)
		result = make_map(program, &maps[i]);
	return result;
}

static int reserve(struct stoq_program *program)
{
	static const struct stoq_series_staged zero;
	int result = 0;

	for (uint32_t i = 0; i < stoq_tables_reserved() && !result; i++) {
		const struct stoq_series_key key = stoq_tables_reserved_key(i, 0);

		result = stoq_table_put(program->tables.series, &key, &zero, true);
	}
	return result;
}

static void set(const struct stoq_program_settings *settings)
{
	stoq_slow_ns = settings->slow_ns;
	stoq_report_errors = settings->report_errors;
	stoq_report_pdus = settings->report_pdus;
	checking = settings->check;
	stoq_keep_details = (settings->keep_details ? STOQ_KEEP_DETAILS : 0) |
			    (settings->keep_sizes ? STOQ_KEEP_SIZES : 0);
	stoq_wanted_ends = settings->ends;
	stoq_wanted_commands = settings->commands;
	stoq_command_mask = settings->sizes.commands - 1;
	stoq_cell_mask = settings->sizes.cells - 1;
	stoq_early_reach = stoq_cells_reach(settings->sizes.cells);
	stoq_bare_interfaces[0] = INDEX_BARE;
	memset(stoq_globals, 0, sizeof(stoq_globals));
}

int stoq_program_open(struct stoq_program **program, const struct stoq_program_settings *settings,
	struct stoq_error *error)
{
	struct stoq_program *opened;
	int result;

	if (running)
		return stoq_error_set(error, -EBUSY, "a capture is being read already");
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return stoq_error_set(error, -ENOMEM, NO_MEMORY);
	running = opened;
	set(settings);
	result = make_maps(opened, &settings->sizes);
	if (!result)
		result = reserve(opened);
	if (!result && settings->check) {
		opened->digests = stoq_table_new(STOQ_TABLE_LRU, sizeof(uint64_t),
			sizeof(struct stoq_digest_pdu), NVME_TCP_SIDES * settings->sizes.flows);
		result = opened->digests ? 0 : -ENOMEM;
	}
	if (result) {
		stoq_program_close(opened);
		return stoq_error_set(error, result, NO_MEMORY);
	}
	*program = opened;
	return 0;
}

void stoq_program_close(struct stoq_program *program)
{
	if (!program)
		return;
	for (size_t i = 0; i < program->table_count; i++)
		stoq_table_free(program->all[i]);
	stoq_table_free(program->digests);
	free(program);
	running = NULL;
}

void stoq_program_on_event(
	struct stoq_program *program, int (*take)(void *, void *, size_t), void *context)
{
	program->take = take;
	program->context = context;
}

static struct __sk_buff skb_of(const struct stoq_capture_packet *packet)
{
	return (struct __sk_buff){
		.data = (unsigned long)packet->bytes,
		.data_end = (unsigned long)packet->bytes + packet->captured,
		.len = packet->length,
		.ifindex = packet->bare ? INDEX_BARE : INDEX_WIRED,
		.vlan_present = packet->vlan_id != 0,
		.vlan_tci = packet->vlan_id,
		.protocol = bpf_htons(packet->protocol),
	};
}

bool stoq_program_parse(
	const struct stoq_capture_packet *packet, struct stoq_program_segment *segment)
{
	struct __sk_buff skb = skb_of(packet);
	struct stoq_segment parsed;

	stoq_bare_interfaces[0] = INDEX_BARE;
	if (stoq_parse_packet(&skb, &parsed) != STOQ_PARSE_TCP)
		return false;
	*segment = (struct stoq_program_segment){.key = parsed.key,
		.from_a = parsed.from_a,
		.syn = parsed.syn,
		.ack = parsed.ack,
		.fin = parsed.fin,
		.rst = parsed.rst,
		.sequence = parsed.sequence,
		.acknowledged = parsed.acknowledged,
		.length = parsed.payload_bytes + (parsed.syn != 0) + (parsed.fin != 0)};
	return true;
}

void stoq_program_run(
	struct stoq_program *program, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	struct __sk_buff skb = skb_of(packet);

	program->now_ns = now_ns;
	stoq_watch(&skb);
}

/* ---- what was recorded ---- */

/* The flow of a connection that is not known yet, in place of what stood under its key. */
static struct stoq_flow *add_flow(
	struct stoq_cpu *cpu, const struct stoq_program_connection *connection)
{
	struct stoq_flow *flow;

	stoq_flow_remove(cpu, &connection->key);
	if (bpf_map_update_elem(&stoq_flows, &connection->key, stoq_first(&stoq_new_flow), BPF_ANY))
		return NULL;
	flow = stoq_flow_find(&connection->key);
	flow->uid = connection->uid;
	flow->proven = 1;
	flow->first_seen_ns = running->now_ns;
	flow->host_is_a = connection->host_is_a;
	flow->side[0].state = flow->side[1].state = STOQ_FLOW_SYNCED;
	stoq_count(cpu, STOQ_COUNT_FLOWS_NEW, 1);
	stoq_count(cpu, STOQ_COUNT_FLOWS_PROVEN, 1);
	return flow;
}

void stoq_program_add_connection(struct stoq_program *program,
	const struct stoq_program_connection *connection, uint64_t now_ns)
{
	struct stoq_flow *flow = stoq_flow_find(&connection->key);
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);

	if (!connection->uid)
		return; /* not a number of a flow */
	program->now_ns = cpu->now_ns = now_ns;
	if (!flow || flow->uid != connection->uid)
		flow = add_flow(cpu, connection);
	if (!flow)
		return;
	flow->kind = connection->kind;
	flow->connected = flow->connect_accepted = connection->connected;
	flow->qid = connection->qid;
	flow->cntlid = connection->cntlid;
	if (connection->connected)
		bpf_map_update_elem(&stoq_connects, &connection->uid, &connection->data, BPF_ANY);
	if (connection->closed)
		stoq_on_end(cpu, flow, &flow->side[0], 1);
	flow->reset = 0; /* how it ended is not recorded */
}

/* What the command's PDUs would have left. */
static void add_course(const struct stoq_program_command *command, uint64_t start_ns)
{
	uint64_t owner = stoq_course_owner(command->uid, command->cid);
	struct stoq_course *course = stoq_course_at(owner);

	course->owner = owner;
	course->first_ns = start_ns;
	course->stages = command->stages;
	course->stage = STOQ_STAGE_ANSWER;
}

void stoq_program_add_command(
	struct stoq_program *program, const struct stoq_program_command *command, uint64_t now_ns)
{
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);

	program->now_ns = cpu->now_ns = now_ns;
	cpu->command = command->command;
	cpu->command.start_ns = now_ns - command->latency_ns;
	if ((stoq_keep_details & STOQ_KEEP_SIZES) && command->command.opcode != NVME_OPCODE_FABRICS)
		cpu->command.fctype = (__u8)stoq_size_class(command->command.bytes);
	add_course(command, cpu->command.start_ns);
	stoq_command_count(cpu, command->uid, command->cid, &cpu->command, command->cqe_status);
}

void stoq_program_add_violations(
	struct stoq_program *program, const uint64_t violations[STOQ_VIOLATIONS_ROOM])
{
	struct stoq_cpu *cpu = stoq_first(&stoq_cpus);

	for (size_t i = 0; i < STOQ_VIOLATIONS_ROOM; i++)
		cpu->violations[i] += violations[i];
}

const struct stoq_program_tables *stoq_program_tables(const struct stoq_program *program)
{
	return &program->tables;
}

const uint32_t *stoq_program_globals(const struct stoq_program *program)
{
	return stoq_globals;
}

const struct stoq_digest_counts *stoq_program_digests(const struct stoq_program *program)
{
	return program->digests ? &program->digest_counts : NULL;
}
