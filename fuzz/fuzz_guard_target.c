// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host that may send any frame, a strict guard in the kernel, and a target behind it: Linux' TCP
 * (tcp_model.h) under SPDK's or nvmet's way of reading the stream (tests/bpf/target_model.h). The
 * input is a script: PDUs that the host means to send, and segments that carry them, or not.
 * However it goes, the target finds no command that the policy refuses. A script in which the host
 * does nothing wrong arrives whole. Needs root.
 */
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/require.h"
#include "fuzz/tcp_model.h"
#include "tests/bpf/guard_rig.h"
#include "tests/bpf/target_model.h"
#include "tests/guard-hostile/packet.h"
#include "tests/guard-hostile/pdus.h"

#include "stoq_guard.skel.h"

#define SEGMENT_MAX 1400
#define STEPS_MAX   200
#define PORT	    4420

static const char policy[] = "version: 1\ndefault: allow\nunknown-host: allow\nrules:\n"
			     "  - {namespace: 1, commands: [writes, destructive], verdict: deny}\n"
			     "  - {namespace: 2, lba: 0+34, commands: [writes], verdict: deny}\n";

struct script {
	const uint8_t *at, *end;
};

/* ---- one input ---- */

static struct tcp_model tcp;
static struct target_model reader;
static struct pdus meant;	     /* the host's stream as it means it */
static struct pdus harmful;	     /* writes, as long as any segment */
static struct packet form;	     /* of the host's packets */
static struct packet oddness;	     /* of the next one: what is not zero here */
static uint32_t first, acknowledged; /* the host's ISN + 1; what it acknowledges */
static uint32_t sent;		     /* of meant, in order */
static uint32_t begun;		     /* the connection that is read */
static size_t read_at;
static uint16_t cid, qid;
static bool initialised, connected, dead, deviates, loses;
static bool gaps;		      /* segments came before what they follow */
static struct nvme_tcp_r2t_pdu asked; /* length 0: nothing */

static uint8_t take8(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

static uint16_t take16(struct script *script)
{
	uint16_t low = take8(script);

	return (uint16_t)(low | take8(script) << 8);
}

/* ---- the target's answers ---- */

/* Where packets of the host's, or of whoever is on its side, and of the target's meet the guard. */
struct place {
	uint32_t ifindex; /* whose hook it is */
	uint32_t from;	  /* by which it came in; 0: made on this machine */
};
static struct place from_outside, from_target;

/* False: it was dropped. */
static bool pass(struct place place, const uint8_t *frame, size_t length, uint8_t *out)
{
	static uint8_t left[WIRE_FRAME_MAX];
	struct __sk_buff skb = {.ifindex = place.ifindex, .ingress_ifindex = place.from};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)length,
		.data_out = out ? out : left, .data_size_out = WIRE_FRAME_MAX, .ctx_in = &skb,
		.ctx_size_in = sizeof(skb), .repeat = 1);

	require(!bpf_prog_test_run_opts(bpf_program__fd(the_guard->progs.stoq_guard), &options));
	return options.retval != TC_ACT_SHOT;
}

static void send_from_target(uint8_t flags, uint32_t sequence, const void *payload, size_t bytes)
{
	static uint8_t frame[PACKET_FRAME_MAX];
	struct packet packet = {.ipv6 = form.ipv6,
		.source_port = form.destination_port,
		.destination_port = form.source_port,
		.window = 0xffff,
		.flags = flags,
		.sequence = sequence,
		.acknowledged = tcp.expected,
		.payload = payload,
		.payload_bytes = bytes};

	memcpy(packet.source, form.destination, sizeof(packet.source));
	memcpy(packet.destination, form.source, sizeof(packet.destination));
	memcpy(packet.source_mac, form.destination_mac, sizeof(packet.source_mac));
	memcpy(packet.destination_mac, form.source_mac, sizeof(packet.destination_mac));
	if (pass(from_target, frame, packet_build(frame, &packet), NULL))
		acknowledged =
			sequence + (uint32_t)bytes + (flags & (PACKET_SYN | PACKET_FIN) ? 1 : 0);
}

static void send_pdu(const uint8_t *pdu, size_t bytes)
{
	send_from_target(PACKET_ACK | PACKET_PSH, tcp.sent, pdu, bytes);
	tcp.sent += (uint32_t)bytes;
}

static void respond(uint16_t command, uint16_t status)
{
	struct nvme_tcp_format format = {.header_digest = reader.header_digest};
	struct nvme_cqe cqe = nvme_encode_cqe(command, 0, status);
	uint8_t front[NVME_TCP_FRONT_MAX];

	send_pdu(front, nvme_tcp_encode_capsule_resp(front, &format, &cqe));
}

#define READ_MAX (2 * PDUS_BLOCK)

/* All data of a read: the guard lets none succeed without. */
static void give(uint16_t command, uint32_t length)
{
	const struct nvme_tcp_format format = {
		.header_digest = reader.header_digest, .data_digest = reader.data_digest};
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
	struct nvme_tcp_format format = {.header_digest = reader.header_digest};
	static uint16_t ttag;
	uint8_t front[NVME_TCP_FRONT_MAX];
	size_t bytes;

	ttag = ttag % 100 + 1;
	bytes = nvme_tcp_encode_r2t(front, &format, command, ttag, 0, length);
	memcpy(&asked, front, sizeof(asked));
	send_pdu(front, bytes);
}

/* ---- the target's reader ---- */

static bool knows(const uint8_t *pdu)
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

	if (!connected || !qid || !writes(sqe->opcode) || link_is_refused(sqe))
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
		.data_alignment = reader.kind == TARGET_SPDK ? icreq->hpda : 0};
	uint8_t front[NVME_TCP_FRONT_MAX];

	dead = icreq->hdr.type != NVME_TCP_ICREQ || icreq->hdr.hlen != sizeof(*icreq) ||
	       nvme_le16(icreq->pfv) || icreq->hpda > (reader.kind == TARGET_SPDK ? 31 : 0);
	if (dead)
		return;
	reader.header_digest = format.header_digest;
	reader.data_digest = format.data_digest;
	initialised = true;
	send_pdu(front, nvme_tcp_encode_icresp(front, &format, 131072));
}

static void take_command(const uint8_t *pdu, size_t header, size_t taken)
{
	struct nvme_sqe sqe;
	uint8_t code;

	memcpy(&sqe, pdu + sizeof(struct nvme_tcp_hdr), sizeof(sqe));
	require(!is_denied(&sqe));
	code = sqe.opcode == NVME_OPCODE_FABRICS ? nvme_le32(sqe.nsid) & 0xff : sqe.opcode;
	if (sqe.opcode == NVME_OPCODE_FABRICS && code == NVME_FABRICS_CONNECT && !connected) {
		connected = true;
		qid = (uint16_t)(pdu[8 + 42] | pdu[8 + 43] << 8);
	}
	if (qid && code == NVME_NVM_READ && nvme_le32(sqe.sgl1.length) <= READ_MAX &&
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
	size_t digest = reader.header_digest ? NVME_TCP_DIGEST_LENGTH : 0, taken;

	if (!initialised) {
		if (there < sizeof(struct nvme_tcp_icreq_pdu))
			return false;
		take_icreq(pdu);
		read_at += sizeof(struct nvme_tcp_icreq_pdu);
		return true;
	}
	if (there < header + digest)
		return false;
	dead = (pdu[0] != NVME_TCP_CAPSULE_CMD && pdu[0] != NVME_TCP_H2C_DATA) ||
	       (digest && nvme_digest_load(pdu + header) != nvme_crc32c(pdu, header));
	taken = dead ? 0 : target_takes(&reader, pdu);
	dead = !taken;
	if (dead || there < taken)
		return false;
	read_at += taken;
	if (pdu[0] == NVME_TCP_CAPSULE_CMD)
		take_command(pdu, header + digest, taken);
	else
		respond((uint16_t)(pdu[8] | pdu[9] << 8), 0);
	return true;
}

static void read_stream(void)
{
	if (tcp.begun != begun) {
		begun = tcp.begun;
		read_at = 0;
		initialised = connected = dead = false;
		asked.r2t_length = nvme_to_le32(0);
	}
	while (!dead && read_at < tcp.stream_bytes &&
		take_pdu(tcp.stream + read_at, tcp.stream_bytes - read_at))
		;
}

/* ---- the host's frames ---- */

static void answer(enum tcp_model_answer kind)
{
	switch (kind) {
	case TCP_MODEL_ACK:
		send_from_target(PACKET_ACK, tcp.sent, NULL, 0);
		break;
	case TCP_MODEL_SYN_ACK:
		send_from_target(PACKET_SYN | PACKET_ACK, tcp.sent - 1, NULL, 0);
		break;
	case TCP_MODEL_RST:
		send_from_target(PACKET_RST | PACKET_ACK, tcp.sent, NULL, 0);
		break;
	case TCP_MODEL_FIN:
		send_from_target(PACKET_FIN | PACKET_ACK, tcp.sent, NULL, 0);
		break;
	default:
		break;
	}
}

/* Adds what the script wants to be odd about it. */
static void make_odd(struct packet *packet)
{
	packet->checksum_error = oddness.checksum_error;
	packet->ip_checksum_error = oddness.ip_checksum_error;
	packet->destination_mac[5] ^= oddness.destination_mac[5];
	packet->acknowledged += oddness.acknowledged;
	packet->flags ^= oddness.flags;
	packet->urgent = oddness.urgent;
	packet->trailer_bytes = oddness.trailer_bytes;
	memcpy(packet->tags, oddness.tags, sizeof(packet->tags));
	packet->tag_count = oddness.tag_count;
	memcpy(packet->options, oddness.options, sizeof(packet->options));
	packet->option_bytes = oddness.option_bytes;
	memset(&oddness, 0, sizeof(oddness));
}

static void emit(struct packet packet)
{
	static uint8_t frame[PACKET_FRAME_MAX], out[WIRE_FRAME_MAX];
	bool lost = loses;
	size_t length;

	make_odd(&packet);
	loses = false;
	length = packet_build(frame, &packet);
	if (!pass(from_outside, frame, length, out) || lost)
		return;
	answer(tcp_model_receive(&tcp, out, length));
	read_stream();
}

static struct packet segment(uint32_t place, uint8_t flags, const void *payload, size_t bytes)
{
	struct packet packet = form;

	packet.sequence = first + place;
	packet.acknowledged = flags & PACKET_ACK ? acknowledged : 0;
	packet.flags = flags;
	packet.payload = payload;
	packet.payload_bytes = bytes;
	return packet;
}

static void send_bytes(uint32_t place, const uint8_t *bytes, size_t length)
{
	if (length)
		emit(segment(place, PACKET_ACK | PACKET_PSH, bytes, length));
}

static size_t at_most(size_t place, size_t length)
{
	size_t left = place < meant.length ? meant.length - place : 0;

	if (length > SEGMENT_MAX)
		length = SEGMENT_MAX;
	return length < left ? length : left;
}

static void send_next(size_t length)
{
	uint32_t place = sent;

	length = at_most(place, length);
	sent += (uint32_t)length;
	send_bytes(place, meant.bytes + place, length);
}

/*
 * What an honest host does in the end: what was not acknowledged, again, as it was meant. A connection that the guard
 * ends takes it up to three times: a reset, what asks for an acknowledgement, an exact reset (bpf/guard/end.bpf.h).
 */
static void finish(void)
{
	for (int tries = 0; tries < 6; tries++) {
		while (tcp.state == TCP_MODEL_ESTABLISHED && tcp.first == first) {
			uint32_t place = tcp.expected - first;
			size_t length = at_most(place, SEGMENT_MAX);

			send_bytes(place, meant.bytes + place, length);
			if (!length || tcp.expected - first == place)
				break;
		}
	}
}

static void open_connection(uint32_t isn)
{
	first = isn + 1;
	sent = 0;
	pdus_clear(&meant);
	emit(segment((uint32_t)-1, PACKET_SYN, NULL, 0));
	emit(segment(0, PACKET_ACK, NULL, 0));
}

/* ---- what the script says ---- */

static void write_harmful(uint32_t shift)
{
	pdus_clear(&harmful);
	pdus_fill(&harmful, 0, shift % 80);
	while (harmful.length < 5000)
		pdus_evil(&harmful, 77, 3);
}

static void write_command(struct script *script)
{
	static const uint8_t opcodes[] = {NVME_NVM_FLUSH, NVME_NVM_WRITE, NVME_NVM_READ,
		NVME_NVM_COMPARE, NVME_NVM_WRITE_ZEROES, NVME_NVM_DATASET_MANAGEMENT};
	uint8_t kind = take8(script), where = take8(script), shift = take8(script);
	uint8_t opcode = opcodes[kind % sizeof(opcodes)];
	uint32_t bytes = opcode & 3 ? PDUS_BLOCK << (where & 1) : 0;
	bool here = opcode & 1 && (kind & 0x80 || opcode == NVME_NVM_DATASET_MANAGEMENT);
	struct nvme_sqe sqe;

	if (opcode == NVME_NVM_DATASET_MANAGEMENT)
		bytes = 16;
	sqe = pdus_sqe(opcode, ++cid, 1 + (where >> 1) % 3, where >> 3, bytes, here);
	if (opcode == NVME_NVM_WRITE_ZEROES)
		sqe.cdw10 = nvme_to_le32(where >> 3);
	write_harmful(shift);
	pdus_command(&meant, &sqe, harmful.bytes, here ? bytes : 0);
}

/* The data that was asked for last; or, if the script wants, data that never was. */
static void write_data(struct script *script)
{
	uint8_t kind = take8(script), shift = take8(script);
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = nvme_le16(asked.command_id),
		.ttag = nvme_le16(asked.ttag),
		.length = nvme_le32(asked.r2t_length)};

	if (!fields.length || kind & 0x80) {
		deviates = true;
		fields.length = 4 + kind % 32 * 64u;
		fields.cid ^= kind >> 5 & 1;
		fields.ttag ^= kind >> 6 & 1;
	}
	if (fields.length > PDUS_BLOCK * 4)
		return;
	asked.r2t_length = nvme_to_le32(0);
	write_harmful(shift);
	pdus_data(&meant, &fields, harmful.bytes);
}

/* A byte of what was meant and not sent yet is another one. */
static void change_meant(struct script *script)
{
	uint32_t place = sent + take8(script);
	uint8_t value = take8(script);

	deviates = true;
	if (place < meant.length)
		meant.bytes[place] = value;
}

static void send_again(struct script *script, bool other)
{
	uint32_t back = take16(script) % 1500, length = 1 + take16(script) % SEGMENT_MAX;
	uint32_t place = back < sent ? sent - back : 0;
	uint8_t shift = other ? take8(script) : 0;

	if (place + length > sent)
		length = sent - place;
	deviates |= other;
	write_harmful(shift);
	send_bytes(place, other ? harmful.bytes : meant.bytes + place, length);
}

static void send_early(struct script *script, bool other)
{
	uint32_t place = sent + take8(script) * 4u;
	size_t length = 1 + take16(script) % SEGMENT_MAX;
	uint8_t shift = other ? take8(script) : 0;

	deviates |= other;
	gaps = true;
	write_harmful(shift);
	if (!other)
		length = at_most(place, length);
	send_bytes(place, other ? harmful.bytes : meant.bytes + place, length);
}

static void set_oddness(struct script *script)
{
	static const uint8_t md5[20] = {19, 18};
	static const uint8_t mptcp[12] = {30, 12, 1, 1};
	uint8_t kind = take8(script), value = take8(script);

	deviates = true;
	switch (kind % 10) {
	case 0:
		oddness.checksum_error = 1 + value;
		break;
	case 1:
		oddness.ip_checksum_error = 1;
		break;
	case 2:
		oddness.destination_mac[5] = 1;
		break;
	case 3:
		oddness.acknowledged = (uint32_t)(int8_t)value << (kind >> 4);
		break;
	case 4:
		oddness.flags = value & 0x3f;
		break;
	case 5:
		oddness.flags = PACKET_URG;
		oddness.urgent = value;
		break;
	case 6:
		oddness.tag_count = value % 9;
		for (int i = 0; i < oddness.tag_count; i++)
			oddness.tags[i] =
				(struct packet_tag){value >> (i % 4 + 4) & 1 ? 0x88a8 : 0x8100,
					kind == 6 + 10 * (i + 1) ? 7 : 0};
		break;
	case 7:
		oddness.trailer_bytes = value;
		break;
	case 8:
		memcpy(oddness.options, md5, sizeof(md5));
		oddness.option_bytes = sizeof(md5);
		break;
	default:
		memcpy(oddness.options, mptcp, sizeof(mptcp));
		oddness.option_bytes = sizeof(mptcp);
		break;
	}
}

/* Byte by byte, each of them urgent. */
static void send_urgent(struct script *script)
{
	uint8_t count = take8(script);

	deviates = true;
	for (uint8_t i = 0; i < count; i++) {
		oddness.flags = PACKET_URG;
		oddness.urgent = 1;
		send_next(1);
	}
}

static void send_flags(struct script *script)
{
	uint8_t flags = take8(script) & 0x3f, where = take8(script);
	uint32_t place = sent + (where < 128 ? where : where - 256u);

	deviates = true;
	emit(segment(place, flags, meant.bytes, where & 1 ? 0 : at_most(0, where)));
}

/* A segment in the controller's name, which the target is not reached by. */
static void send_forged(struct script *script)
{
	static uint8_t frame[PACKET_FRAME_MAX];
	uint8_t flags = take8(script) & 0x3f, kind = take8(script), back = take8(script);
	struct nvme_tcp_format lies = {.header_digest = kind & 4, .data_alignment = kind >> 4};
	uint8_t pdu[NVME_TCP_FRONT_MAX];
	struct packet packet = segment(0, flags, pdu, 0);

	deviates = true;
	memcpy(packet.source, form.destination, sizeof(packet.source));
	memcpy(packet.destination, form.source, sizeof(packet.destination));
	packet.source_port = form.destination_port;
	packet.destination_port = form.source_port;
	packet.sequence = tcp.sent + (kind & 1 ? 0 : (uint32_t)(int8_t)kind);
	packet.acknowledged = first + sent - (kind & 2 ? 0 : back);
	if (kind & 8)
		packet.payload_bytes = kind & 1 ? nvme_tcp_encode_icresp(pdu, &lies, 131072)
						: nvme_tcp_encode_r2t(pdu, &meant.format, cid, back,
							  0, PDUS_BLOCK);
	pass(from_outside, frame, packet_build(frame, &packet), NULL);
}

/* The target's end of it is over; then the same ports again, with this or another ISN. */
static void come_again(struct script *script)
{
	uint8_t kind = take8(script);
	uint32_t isn = first - 1;

	deviates = true;
	if (kind & 1)
		send_from_target(kind & 2 ? PACKET_RST | PACKET_ACK : PACKET_FIN | PACKET_ACK,
			tcp.sent, NULL, 0);
	if (kind & 4)
		tcp_model_forget(&tcp);
	if (kind & 8)
		isn += (kind & 16 ? 100000u : sent - 500u);
	open_connection(isn);
	pdus_icreq(&meant);
	pdus_connect(&meant, 1, 1, DIALOG_SUBSYSTEM_NQN);
	if (kind & 32)
		pdus_evil(&meant, ++cid, 3);
}

/* PDUs of a beginning, where they have no place. */
static void write_beginning(struct script *script)
{
	uint8_t kind = take8(script);

	deviates = true;
	if (kind & 1)
		pdus_icreq(&meant);
	if (kind & 2)
		pdus_connect(&meant, kind >> 4 & 1, 1, DIALOG_SUBSYSTEM_NQN);
	if (kind & 4)
		pdus_compare_front(&meant, ++cid, (uint32_t)(kind >> 3) * 64);
}

static void step(struct script *script)
{
	uint8_t kind = take8(script);

	switch (kind % 16) {
	case 0:
	case 1:
	case 2:
		write_command(script);
		break;
	case 3:
		write_data(script);
		break;
	case 4:
		change_meant(script);
		break;
	case 5:
		send_again(script, kind & 16);
		break;
	case 6:
		send_early(script, kind & 16);
		break;
	case 7:
		set_oddness(script);
		break;
	case 8:
		if (kind & 16)
			send_forged(script);
		else
			send_flags(script);
		break;
	case 9:
		if (kind & 16)
			come_again(script);
		else
			write_beginning(script);
		break;
	case 10:
		if (kind & 16)
			send_urgent(script);
		else
			gaps = loses = true;
		break;
	case 11:
		finish();
		break;
	case 12:
	case 13:
		send_next(1 + take8(script));
		break;
	default:
		send_next(SEGMENT_MAX);
		break;
	}
}

static void begin(uint8_t kind)
{
	static uint16_t port;

	memset(&form, 0, sizeof(form));
	memset(&oddness, 0, sizeof(oddness));
	memset(form.source_mac, 2, sizeof(form.source_mac));
	memset(form.destination_mac, 4, sizeof(form.destination_mac));
	form.ipv6 = kind & 1;
	form.window = 0xffff;
	form.source[0] = form.destination[0] = kind & 1 ? 0xfd : 10;
	form.source[3] = 1;
	form.destination[3] = 2;
	form.source_port = (uint16_t)(1024 + ++port % 60000);
	form.destination_port = PORT;
	tcp = (struct tcp_model){.ipv6 = form.ipv6,
		.host_port = form.source_port,
		.target_port = PORT,
		.next_isn = 0xfffff000u + port,
		.begun = tcp.begun};
	begun = tcp.begun;
	memcpy(tcp.mac, form.destination_mac, sizeof(tcp.mac));
	memcpy(tcp.host, form.source, sizeof(tcp.host));
	memcpy(tcp.target, form.destination, sizeof(tcp.target));
	reader = (struct target_model){.kind = kind & 2 ? TARGET_NVMET : TARGET_SPDK,
		.in_capsule_bytes = 4096,
		.knows = kind & 64 ? knows : NULL};
	meant.format = (struct nvme_tcp_format){0};
	harmful.format = (struct nvme_tcp_format){0};
	cid = 0;
	dead = deviates = gaps = loses = initialised = connected = false;
	asked.r2t_length = nvme_to_le32(0);
	open_connection(kind & 32 ? 0xffffff80u : 1000);
	meant.format.header_digest = kind & 4;
	meant.format.data_digest = (kind & 8) != 0;
	harmful.format = meant.format;
	pdus_icreq(&meant);
	send_next(SEGMENT_MAX);
	deviates = kind & 16; /* commands before the Connect */
	if (deviates)
		return;
	pdus_connect(&meant, 1, 1, DIALOG_SUBSYSTEM_NQN);
	send_next(SEGMENT_MAX);
}

/*
 * Connections that were torn, or lost an answer, keep their room for two minutes or longer (bpf/guard/room.bpf.h). The next
 * input must not meet a table that those before it have filled.
 */
static void forget_connections(void)
{
	const struct bpf_map *flows = the_guard->maps.stoq_flows;
	struct stoq_guard_room room = guard_room();
	struct stoq_flow_key key;
	uint32_t zero = 0;

	while (!bpf_map__get_next_key(flows, NULL, &key, sizeof(key)))
		require(!bpf_map__delete_elem(flows, &key, sizeof(key), 0));
	room.used = 0;
	require(!bpf_map_update_elem(
		bpf_map__fd(the_guard->maps.stoq_guard_room), &zero, &room, BPF_ANY));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (unshare(CLONE_NEWNET) || system("ip link add front type veth peer name back")) {
		puts("SKIP: no network namespace with veth interfaces here");
		exit(RIG_SKIP);
	}
	if (guard_setup(NULL))
		exit(1);
	from_outside.ifindex = from_outside.from = if_nametoindex("front");
	from_target.ifindex = if_nametoindex("front");
	guard_install(policy);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct script script = {bytes, bytes + size};

	if (size < 2)
		return 0;
	begin(take8(&script));
	for (int i = 0; i < STEPS_MAX && script.at < script.end && meant.length < 60000; i++)
		step(&script);
	finish();
	/* A command that has to be refused, but came early and passed, ends its connection. */
	if (!deviates && !(gaps && tcp.state != TCP_MODEL_ESTABLISHED))
		require(tcp.stream_bytes == meant.length);
	send_from_target(PACKET_RST | PACKET_ACK, tcp.sent, NULL, 0);
	forget_connections();
	return 0;
}
