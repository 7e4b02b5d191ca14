// SPDX-License-Identifier: BSD-2-Clause
#include "fuzz/target_end.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "fuzz/host_end.h"
#include "fuzz/require.h"
#include "tests/bpf/guard_link.h"
#include "tests/guard-hostile/packet.h"
#include "tests/guard-hostile/pdus.h"

#include "stoq_guard.skel.h"

#define READ_MAX (2 * PDUS_BLOCK)

struct target_end target_end;
struct guard_place from_outside, from_target;

/* False: it was dropped. */
bool guard_hook_pass(struct guard_place place, const uint8_t *frame, size_t length, uint8_t *out)
{
	static uint8_t left[WIRE_FRAME_MAX];
	struct __sk_buff skb = {.ifindex = place.ifindex, .ingress_ifindex = place.from};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)length,
		.data_out = out ? out : left, .data_size_out = WIRE_FRAME_MAX, .ctx_in = &skb,
		.ctx_size_in = sizeof(skb), .repeat = 1);

	require(!bpf_prog_test_run_opts(bpf_program__fd(the_guard->progs.stoq_guard), &options));
	return options.retval != TC_ACT_SHOT;
}

void target_end_send(uint8_t flags, uint32_t sequence, const void *payload, size_t bytes)
{
	static uint8_t frame[PACKET_FRAME_MAX];
	struct packet packet = {.ipv6 = host_end.form.ipv6,
		.source_port = host_end.form.destination_port,
		.destination_port = host_end.form.source_port,
		.window = 0xffff,
		.flags = flags,
		.sequence = sequence,
		.acknowledged = target_end.tcp.expected,
		.payload = payload,
		.payload_bytes = bytes};

	memcpy(packet.source, host_end.form.destination, sizeof(packet.source));
	memcpy(packet.destination, host_end.form.source, sizeof(packet.destination));
	memcpy(packet.source_mac, host_end.form.destination_mac, sizeof(packet.source_mac));
	memcpy(packet.destination_mac, host_end.form.source_mac, sizeof(packet.destination_mac));
	if (guard_hook_pass(from_target, frame, packet_build(frame, &packet), NULL))
		target_end.acknowledged =
			sequence + (uint32_t)bytes + (flags & (PACKET_SYN | PACKET_FIN) ? 1 : 0);
}

static void send_pdu(const uint8_t *pdu, size_t bytes)
{
	target_end_send(PACKET_ACK | PACKET_PSH, target_end.tcp.sent, pdu, bytes);
	target_end.tcp.sent += (uint32_t)bytes;
}

static void respond(uint16_t command, uint16_t status)
{
	struct nvme_tcp_format format = {.header_digest = target_end.reader.header_digest};
	struct nvme_cqe cqe = nvme_encode_cqe(command, 0, status);
	uint8_t front[NVME_TCP_FRONT_MAX];

	send_pdu(front, nvme_tcp_encode_capsule_resp(front, &format, &cqe));
	target_end.answered += command != 0; /* but Connect */
}

/* All data of a read: the guard lets none succeed without. */
static void give(uint16_t command, uint32_t length)
{
	const struct nvme_tcp_format format = {.header_digest = target_end.reader.header_digest,
		.data_digest = target_end.reader.data_digest};
	const struct nvme_tcp_data_fields fields = {.type = NVME_TCP_C2H_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = command,
		.length = length};
	static uint8_t pdu[NVME_TCP_FRONT_MAX + READ_MAX + NVME_TCP_DIGEST_LENGTH];
	size_t bytes = nvme_tcp_encode_data(pdu, &format, &fields);

	memset(pdu + bytes, 0, length);
	if (format.data_digest)
		nvme_digest_store(pdu + bytes + length, nvme_crc32c(pdu + bytes, length));
	send_pdu(pdu, bytes + length + (format.data_digest ? NVME_TCP_DIGEST_LENGTH : 0));
}

static void ask(uint16_t command, uint32_t length)
{
	struct nvme_tcp_format format = {.header_digest = target_end.reader.header_digest};
	static uint16_t ttag;
	uint8_t front[NVME_TCP_FRONT_MAX];
	size_t bytes;

	ttag = ttag % 100 + 1;
	bytes = nvme_tcp_encode_r2t(front, &format, command, ttag, 0, length);
	memcpy(&target_end.asked, front, sizeof(target_end.asked));
	send_pdu(front, bytes);
}

bool target_end_knows(const uint8_t *pdu)
{
	struct nvme_sqe sqe;
	uint32_t nsid;

	memcpy(&sqe, pdu + sizeof(struct nvme_tcp_hdr), sizeof(sqe));
	nsid = nvme_le32(sqe.nsid);
	if (sqe.opcode == NVME_OPCODE_FABRICS)
		return (nsid & 0xff) <= NVME_FABRICS_AUTH_RECEIVE;
	return (nsid == 1 || nsid == 2) &&
	       (sqe.opcode <= NVME_NVM_READ || sqe.opcode == NVME_NVM_WRITE_ZEROES ||
		       sqe.opcode == NVME_NVM_DATASET_MANAGEMENT);
}

static bool writes(uint8_t opcode)
{
	return opcode == NVME_NVM_WRITE || opcode == NVME_NVM_WRITE_UNCORRECTABLE ||
	       opcode == NVME_NVM_WRITE_ZEROES || opcode == NVME_NVM_DATASET_MANAGEMENT ||
	       opcode == NVME_NVM_COPY;
}

static bool is_denied(const struct nvme_sqe *sqe)
{
	uint32_t nsid = nvme_le32(sqe->nsid);

	if (!target_end.connected || !target_end.qid || !writes(sqe->opcode) ||
		link_is_refused(sqe))
		return false;
	return nsid == PDUS_DENIED ||
	       (nsid == 2 && nvme_sqe_slba(sqe) < 34 &&
		       (sqe->opcode == NVME_NVM_WRITE || sqe->opcode == NVME_NVM_WRITE_ZEROES));
}

static void take_icreq(const uint8_t *bytes)
{
	const struct nvme_tcp_icreq_pdu *icreq = (const void *)bytes;
	struct nvme_tcp_format format = {.header_digest = icreq->digest & 1,
		.data_digest = (icreq->digest & 2) != 0,
		.data_alignment = target_end.reader.kind == TARGET_SPDK ? icreq->hpda : 0};
	uint8_t front[NVME_TCP_FRONT_MAX];

	target_end.dead = icreq->hdr.type != NVME_TCP_ICREQ || icreq->hdr.hlen != sizeof(*icreq) ||
			  nvme_le16(icreq->pfv) ||
			  icreq->hpda > (target_end.reader.kind == TARGET_SPDK ? 31 : 0);
	if (target_end.dead)
		return;
	target_end.reader.header_digest = format.header_digest;
	target_end.reader.data_digest = format.data_digest;
	target_end.initialised = true;
	send_pdu(front, nvme_tcp_encode_icresp(front, &format, 131072));
}

static void take_command(const uint8_t *pdu, size_t header, size_t taken)
{
	struct nvme_sqe sqe;
	uint8_t code;

	memcpy(&sqe, pdu + sizeof(struct nvme_tcp_hdr), sizeof(sqe));
	require(!is_denied(&sqe));
	code = sqe.opcode == NVME_OPCODE_FABRICS ? nvme_le32(sqe.nsid) & 0xff : sqe.opcode;
	if (sqe.opcode == NVME_OPCODE_FABRICS && code == NVME_FABRICS_CONNECT &&
		!target_end.connected) {
		target_end.connected = true;
		target_end.qid = (uint16_t)(pdu[8 + 42] | pdu[8 + 43] << 8);
	}
	if (target_end.qid && code == NVME_NVM_READ && nvme_le32(sqe.sgl1.length) <= READ_MAX &&
		nvme_le32(sqe.sgl1.length) && !link_is_refused(&sqe))
		give(nvme_le16(sqe.command_id), nvme_le32(sqe.sgl1.length));
	if (code & 1 && !(code & 2) && taken == header && nvme_le32(sqe.sgl1.length) &&
		!link_is_refused(&sqe))
		ask(nvme_le16(sqe.command_id), nvme_le32(sqe.sgl1.length));
	else
		respond(nvme_le16(sqe.command_id), link_is_refused(&sqe) ? 1 : 0);
}

/* One PDU. False: it is not whole yet. */
static bool take_pdu(const uint8_t *pdu, size_t there)
{
	size_t header = pdu[0] == NVME_TCP_CAPSULE_CMD ? sizeof(struct nvme_tcp_cmd_pdu)
						       : sizeof(struct nvme_tcp_data_pdu);
	size_t digest = target_end.reader.header_digest ? NVME_TCP_DIGEST_LENGTH : 0, taken;

	if (!target_end.initialised) {
		if (there < sizeof(struct nvme_tcp_icreq_pdu))
			return false;
		take_icreq(pdu);
		target_end.read_at += sizeof(struct nvme_tcp_icreq_pdu);
		return true;
	}
	if (there < header + digest)
		return false;
	target_end.dead = (pdu[0] != NVME_TCP_CAPSULE_CMD && pdu[0] != NVME_TCP_H2C_DATA) ||
			  (digest && nvme_digest_load(pdu + header) != nvme_crc32c(pdu, header));
	taken = target_end.dead ? 0 : target_takes(&target_end.reader, pdu);
	target_end.dead = !taken;
	if (target_end.dead || there < taken)
		return false;
	target_end.read_at += taken;
	if (pdu[0] == NVME_TCP_CAPSULE_CMD)
		take_command(pdu, header + digest, taken);
	else
		respond((uint16_t)(pdu[8] | pdu[9] << 8), 0);
	return true;
}

static void read_stream(void)
{
	if (target_end.tcp.begun != target_end.begun) {
		target_end.begun = target_end.tcp.begun;
		target_end.read_at = 0;
		target_end.initialised = target_end.connected = target_end.dead = false;
		target_end.asked.r2t_length = nvme_to_le32(0);
	}
	while (!target_end.dead && target_end.read_at < target_end.tcp.stream_bytes &&
		take_pdu(target_end.tcp.stream + target_end.read_at,
			target_end.tcp.stream_bytes - target_end.read_at))
		;
}

static void answer(enum tcp_model_answer kind)
{
	switch (kind) {
	case TCP_MODEL_ACK:
		target_end_send(PACKET_ACK, target_end.tcp.sent, NULL, 0);
		break;
	case TCP_MODEL_SYN_ACK:
		target_end_send(PACKET_SYN | PACKET_ACK, target_end.tcp.sent - 1, NULL, 0);
		break;
	case TCP_MODEL_RST:
		target_end_send(PACKET_RST | PACKET_ACK, target_end.tcp.sent, NULL, 0);
		break;
	case TCP_MODEL_FIN:
		target_end_send(PACKET_FIN | PACKET_ACK, target_end.tcp.sent, NULL, 0);
		break;
	default:
		break;
	}
}

void target_end_receive(const uint8_t *frame, size_t length)
{
	answer(tcp_model_receive(&target_end.tcp, frame, length));
	read_stream();
}
