// SPDX-License-Identifier: BSD-2-Clause
/*
 * A host that may send any frame, a strict guard in the kernel, and a target behind it: Linux' TCP
 * (tcp_model.h) under SPDK's or nvmet's way of reading the stream (tests/bpf/target_model.h). The
 * input is a script: PDUs that the host means to send, and segments that carry them, or not.
 * However it goes, the target finds no command that the policy refuses. A script in which the host
 * does nothing wrong arrives whole. Needs root.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/host_end.h"
#include "fuzz/require.h"
#include "fuzz/target_end.h"
#include "tests/bpf/guard_rig.h"

#include "stoq_guard.skel.h"

#define STEPS_MAX      200
#define PORT	       4420
#define QUEUE_COMMANDS 31 /* of the queue that pdus_connect() asks for */

static const char policy[] = "version: 1\ndefault: allow\nunknown-host: allow\nrules:\n"
			     "  - {namespace: 1, commands: [writes, destructive], verdict: deny}\n"
			     "  - {namespace: 2, lba: 0+34, commands: [writes], verdict: deny}\n";

struct script {
	const uint8_t *at, *end;
};

static uint16_t cid;

static uint8_t take8(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

static uint16_t take16(struct script *script)
{
	uint16_t low = take8(script);

	return (uint16_t)(low | take8(script) << 8);
}

/* ---- what the script says ---- */

static void write_command(struct script *script)
{
	static const uint8_t opcodes[] = {NVME_NVM_FLUSH, NVME_NVM_WRITE, NVME_NVM_READ,
		NVME_NVM_COMPARE, NVME_NVM_WRITE_ZEROES, NVME_NVM_DATASET_MANAGEMENT};
	uint8_t kind = take8(script), where = take8(script), shift = take8(script);
	uint8_t opcode = opcodes[kind % sizeof(opcodes)];
	uint32_t bytes = opcode & 3 ? PDUS_BLOCK << (where & 1) : 0;
	bool here = opcode & 1 && (kind & 0x80 || opcode == NVME_NVM_DATASET_MANAGEMENT);
	struct nvme_sqe sqe;

	/* More than the queue has places, as the last ones have no answer yet. */
	host_end.deviates |= cid >= target_end.answered + QUEUE_COMMANDS;
	if (opcode == NVME_NVM_DATASET_MANAGEMENT)
		bytes = 16;
	sqe = pdus_sqe(opcode, ++cid, 1 + (where >> 1) % 3, where >> 3, bytes, here);
	if (opcode == NVME_NVM_WRITE_ZEROES)
		sqe.cdw10 = nvme_to_le32(where >> 3);
	host_end_write_harmful(shift);
	pdus_command(&host_end.meant, &sqe, host_end.harmful.bytes, here ? bytes : 0);
}

/* The data that was asked for last; or, if the script wants, data that never was. */
static void write_data(struct script *script)
{
	uint8_t kind = take8(script), shift = take8(script);
	struct nvme_tcp_data_fields fields = {.type = NVME_TCP_H2C_DATA,
		.flags = NVME_TCP_FLAG_LAST,
		.cid = nvme_le16(target_end.asked.command_id),
		.ttag = nvme_le16(target_end.asked.ttag),
		.length = nvme_le32(target_end.asked.r2t_length)};

	if (!fields.length || kind & 0x80) {
		host_end.deviates = true;
		fields.length = 4 + kind % 32 * 64u;
		fields.cid ^= kind >> 5 & 1;
		fields.ttag ^= kind >> 6 & 1;
	}
	if (fields.length > PDUS_BLOCK * 4)
		return;
	target_end.asked.r2t_length = nvme_to_le32(0);
	host_end_write_harmful(shift);
	pdus_data(&host_end.meant, &fields, host_end.harmful.bytes);
}

/* A byte of what was meant and not sent yet is another one. */
static void change_meant(struct script *script)
{
	uint32_t place = host_end.sent + take8(script);
	uint8_t value = take8(script);

	host_end.deviates = true;
	if (place < host_end.meant.length)
		host_end.meant.bytes[place] = value;
}

static void send_again(struct script *script, bool other)
{
	uint32_t back = take16(script) % 1500, length = 1 + take16(script) % SEGMENT_MAX;
	uint32_t place = back < host_end.sent ? host_end.sent - back : 0;
	uint8_t shift = other ? take8(script) : 0;

	if (place + length > host_end.sent)
		length = host_end.sent - place;
	host_end.deviates |= other;
	host_end_write_harmful(shift);
	host_end_send(place, other ? host_end.harmful.bytes : host_end.meant.bytes + place, length);
}

static void send_early(struct script *script, bool other)
{
	uint32_t place = host_end.sent + take8(script) * 4u;
	size_t length = 1 + take16(script) % SEGMENT_MAX;
	uint8_t shift = other ? take8(script) : 0;

	host_end.deviates |= other;
	host_end.gaps = true;
	host_end_write_harmful(shift);
	if (!other)
		length = host_end_at_most(place, length);
	host_end_send(place, other ? host_end.harmful.bytes : host_end.meant.bytes + place, length);
}

static void set_oddness(struct script *script)
{
	static const uint8_t md5[20] = {19, 18};
	static const uint8_t mptcp[12] = {30, 12, 1, 1};
	uint8_t kind = take8(script), value = take8(script);

	host_end.deviates = true;
	switch (kind % 10) {
	case 0:
		host_end.oddness.checksum_error = 1 + value;
		break;
	case 1:
		host_end.oddness.ip_checksum_error = 1;
		break;
	case 2:
		host_end.oddness.destination_mac[5] = 1;
		break;
	case 3:
		host_end.oddness.acknowledged = (uint32_t)(int8_t)value << (kind >> 4);
		break;
	case 4:
		host_end.oddness.flags = value & 0x3f;
		break;
	case 5:
		host_end.oddness.flags = PACKET_URG;
		host_end.oddness.urgent = value;
		break;
	case 6:
		host_end.oddness.tag_count = value % 9;
		for (int i = 0; i < host_end.oddness.tag_count; i++)
			host_end.oddness.tags[i] =
				(struct packet_tag){value >> (i % 4 + 4) & 1 ? 0x88a8 : 0x8100,
					kind == 6 + 10 * (i + 1) ? 7 : 0};
		break;
	case 7:
		host_end.oddness.trailer_bytes = value;
		break;
	case 8:
		memcpy(host_end.oddness.options, md5, sizeof(md5));
		host_end.oddness.option_bytes = sizeof(md5);
		break;
	default:
		memcpy(host_end.oddness.options, mptcp, sizeof(mptcp));
		host_end.oddness.option_bytes = sizeof(mptcp);
		break;
	}
}

/* Byte by byte, each of them urgent. */
static void send_urgent(struct script *script)
{
	uint8_t count = take8(script);

	host_end.deviates = true;
	for (uint8_t i = 0; i < count; i++) {
		host_end.oddness.flags = PACKET_URG;
		host_end.oddness.urgent = 1;
		host_end_send_next(1);
	}
}

static void send_flags(struct script *script)
{
	uint8_t flags = take8(script) & 0x3f, where = take8(script);
	uint32_t place = host_end.sent + (where < 128 ? where : where - 256u);

	host_end.deviates = true;
	host_end_emit(host_end_segment(
		place, flags, host_end.meant.bytes, where & 1 ? 0 : host_end_at_most(0, where)));
}

/* A segment in the controller's name, which the target is not reached by. */
static void send_forged(struct script *script)
{
	static uint8_t frame[PACKET_FRAME_MAX];
	uint8_t flags = take8(script) & 0x3f, kind = take8(script), back = take8(script);
	struct nvme_tcp_format lies = {.header_digest = kind & 4, .data_alignment = kind >> 4};
	uint8_t pdu[NVME_TCP_FRONT_MAX];
	struct packet packet = host_end_segment(0, flags, pdu, 0);

	host_end.deviates = true;
	memcpy(packet.source, host_end.form.destination, sizeof(packet.source));
	memcpy(packet.destination, host_end.form.source, sizeof(packet.destination));
	packet.source_port = host_end.form.destination_port;
	packet.destination_port = host_end.form.source_port;
	packet.sequence = target_end.tcp.sent + (kind & 1 ? 0 : (uint32_t)(int8_t)kind);
	packet.acknowledged = host_end.first + host_end.sent - (kind & 2 ? 0 : back);
	if (kind & 8)
		packet.payload_bytes = kind & 1 ? nvme_tcp_encode_icresp(pdu, &lies, 131072)
						: nvme_tcp_encode_r2t(pdu, &host_end.meant.format,
							  cid, back, 0, PDUS_BLOCK);
	guard_hook_pass(from_outside, frame, packet_build(frame, &packet), NULL);
}

/* The target's end of it is over; then the same ports again, with this or another ISN. */
static void come_again(struct script *script)
{
	uint8_t kind = take8(script);
	uint32_t isn = host_end.first - 1;

	host_end.deviates = true;
	if (kind & 1)
		target_end_send(kind & 2 ? PACKET_RST | PACKET_ACK : PACKET_FIN | PACKET_ACK,
			target_end.tcp.sent, NULL, 0);
	if (kind & 4)
		tcp_model_forget(&target_end.tcp);
	if (kind & 8)
		isn += (kind & 16 ? 100000u : host_end.sent - 500u);
	host_end_open(isn);
	pdus_icreq(&host_end.meant);
	pdus_connect(&host_end.meant, 1, 1, DIALOG_SUBSYSTEM_NQN);
	if (kind & 32)
		pdus_evil(&host_end.meant, ++cid, 3);
}

/* PDUs of a beginning, where they have no place. */
static void write_beginning(struct script *script)
{
	uint8_t kind = take8(script);

	host_end.deviates = true;
	if (kind & 1)
		pdus_icreq(&host_end.meant);
	if (kind & 2)
		pdus_connect(&host_end.meant, kind >> 4 & 1, 1, DIALOG_SUBSYSTEM_NQN);
	if (kind & 4)
		pdus_compare_front(&host_end.meant, ++cid, (uint32_t)(kind >> 3) * 64);
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
			host_end.gaps = host_end.loses = true;
		break;
	case 11:
		host_end_finish();
		break;
	case 12:
	case 13:
		host_end_send_next(1 + take8(script));
		break;
	default:
		host_end_send_next(SEGMENT_MAX);
		break;
	}
}

static void begin(uint8_t kind)
{
	/* Another connection each time; none from PORT, where either end could be the host. */
	static uint16_t count;

	count = (count + 1) % (PORT - 1024);
	memset(&host_end.form, 0, sizeof(host_end.form));
	memset(&host_end.oddness, 0, sizeof(host_end.oddness));
	memset(host_end.form.source_mac, 2, sizeof(host_end.form.source_mac));
	memset(host_end.form.destination_mac, 4, sizeof(host_end.form.destination_mac));
	host_end.form.ipv6 = kind & 1;
	host_end.form.window = 0xffff;
	host_end.form.source[0] = host_end.form.destination[0] = kind & 1 ? 0xfd : 10;
	host_end.form.source[3] = 1;
	host_end.form.destination[3] = 2;
	host_end.form.source_port = (uint16_t)(1024 + count);
	host_end.form.destination_port = PORT;
	target_end.tcp = (struct tcp_model){.ipv6 = host_end.form.ipv6,
		.host_port = host_end.form.source_port,
		.target_port = PORT,
		.next_isn = 0xfffff000u + count,
		.begun = target_end.tcp.begun};
	target_end.begun = target_end.tcp.begun;
	memcpy(target_end.tcp.mac, host_end.form.destination_mac, sizeof(target_end.tcp.mac));
	memcpy(target_end.tcp.host, host_end.form.source, sizeof(target_end.tcp.host));
	memcpy(target_end.tcp.target, host_end.form.destination, sizeof(target_end.tcp.target));
	target_end.reader = (struct target_model){.kind = kind & 2 ? TARGET_NVMET : TARGET_SPDK,
		.in_capsule_bytes = 4096,
		.knows = kind & 64 ? target_end_knows : NULL};
	host_end.meant.format = (struct nvme_tcp_format){0};
	host_end.harmful.format = (struct nvme_tcp_format){0};
	cid = 0;
	target_end.answered = 0;
	target_end.dead = host_end.deviates = host_end.gaps = host_end.loses =
		target_end.initialised = target_end.connected = false;
	target_end.asked.r2t_length = nvme_to_le32(0);
	host_end_open(kind & 32 ? 0xffffff80u : 1000);
	host_end.meant.format.header_digest = kind & 4;
	host_end.meant.format.data_digest = (kind & 8) != 0;
	host_end.harmful.format = host_end.meant.format;
	pdus_icreq(&host_end.meant);
	host_end_send_next(SEGMENT_MAX);
	host_end.deviates = kind & 16; /* commands before the Connect */
	if (host_end.deviates)
		return;
	pdus_connect(&host_end.meant, 1, 1, DIALOG_SUBSYSTEM_NQN);
	host_end_send_next(SEGMENT_MAX);
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
	for (int i = 0; i < STEPS_MAX && script.at < script.end && host_end.meant.length < 60000;
		i++)
		step(&script);
	host_end_finish();
	/* A command that has to be refused, but came early and passed, ends its connection. */
	if (!host_end.deviates && !(host_end.gaps && target_end.tcp.state != TCP_MODEL_ESTABLISHED))
		require(target_end.tcp.stream_bytes == host_end.meant.length);
	target_end_send(PACKET_RST | PACKET_ACK, target_end.tcp.sent, NULL, 0);
	forget_connections();
	return 0;
}
