// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/guard_link.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "stoq_guard.skel.h"

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

void link_expect_dropped(
	struct guard_link *link, enum nvme_tcp_side side, enum stoq_guard_total reason)
{
	size_t at = link_arrived(link, side);
	uint64_t before = guard_total(reason);

	assert_false(link_flush(link, side));
	assert_false(link_flush(link, side));
	assert_int_equal(guard_total(reason), before + 2);
	link->written[side] = at;
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
	dialog_r2t(&link->dialog, cid, ttag, offset, length);
	link_write(link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(link, NVME_TCP_FROM_CONTROLLER));
}

void link_open(struct guard_link *link, uint16_t qid)
{
	link_start(link);
	link_handshake(link, qid);
}

void link_open_protected(struct guard_link *link)
{
	guard_install("version: 1\ndefault: allow\nrules:\n"
		      "  - {namespace: 1, lba: 0+34, commands: [writes], verdict: deny}\n");
	link_open(link, 1);
	link->no_acknowledgement = true;
	link->next_cid = 7;
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

void link_assert_unchanged(const struct guard_link *link, size_t from, size_t to)
{
	assert_memory_equal(link->received[NVME_TCP_FROM_HOST] + from,
		link->bytes[NVME_TCP_FROM_HOST] + from, to - from);
}

void link_complete_refused(struct guard_link *link, uint16_t cid, uint16_t status)
{
	size_t at;
	struct nvme_cqe cqe;

	dialog_response(&link->dialog, cid, NVME_STATUS(0, 0x01), 0);
	at = link_write(link, NVME_TCP_FROM_CONTROLLER);
	assert_true(link_flush(link, NVME_TCP_FROM_CONTROLLER));
	cqe = link_response(link, at);
	assert_int_equal(nvme_le16(cqe.status), status << 1 | NVME_CQE_STATUS_DNR);
	assert_int_equal(nvme_le16(cqe.command_id), cid);
}

/* ---- what is written ---- */

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

size_t link_write_next(struct guard_link *link, uint8_t opcode, uint32_t nsid, uint64_t slba)
{
	struct nvme_io_fields fields = link_fields(opcode, link->next_cid++, nsid, slba);

	return link_write_command(link, &fields);
}

size_t link_write_io(struct guard_link *link, uint8_t opcode, uint16_t cid)
{
	struct nvme_io_fields fields = link_fields(opcode, cid, 1, 1000);

	return link_write_command(link, &fields);
}

void link_begin_write(struct guard_link *link, uint16_t cid, uint32_t bytes)
{
	struct nvme_io_fields fields = link_fields(NVME_NVM_WRITE, cid, 1, 1000);

	fields.in_capsule = false;
	fields.data_bytes = bytes;
	link_write_command(link, &fields);
	assert_true(link_flush(link, NVME_TCP_FROM_HOST));
}

struct nvme_tcp_data_fields link_asked_data(
	uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length)
{
	return (struct nvme_tcp_data_fields){.type = NVME_TCP_H2C_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = cid,
		.ttag = ttag,
		.offset = offset,
		.length = length};
}

void link_write_data(
	struct guard_link *link, enum nvme_tcp_side side, const struct nvme_tcp_data_fields *fields)
{
	dialog_data(&link->dialog, fields);
	link_write(link, side);
}
