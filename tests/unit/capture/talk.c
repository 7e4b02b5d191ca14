// SPDX-License-Identifier: BSD-2-Clause
#include "talk.h"

#include <stdlib.h>
#include <string.h>

#include "nvme/nvme_tcp_stream.h"
#include "tests/unit/nvme/sample_stream.h"

#define DATA_MAX 8192
#define TTAG	 1 /* of every R2T */

static void *room(void *items, size_t count, size_t size)
{
	items = realloc(items, count * size);
	if (!items)
		abort();
	return items;
}

void talk_init(struct talk *talk)
{
	*talk = (struct talk){.path = {.host_address = 0x0a000001,
				      .controller_address = 0x0a000002,
				      .host_port = 40000,
				      .controller_port = NVME_TCP_PORT},
		.piece = 1400,
		.sequence = {1000, 0xfffffff0u}, /* the controller's wraps */
		.now_ns = TALK_START_NS};
}

static void add_frame(struct talk *talk, const struct wire_segment *segment)
{
	struct talk_frame *frame;

	if (talk->frame_count == talk->frame_capacity) {
		talk->frame_capacity = talk->frame_capacity ? 2 * talk->frame_capacity : 64;
		talk->frames = room(talk->frames, talk->frame_capacity, sizeof(*talk->frames));
	}
	frame = &talk->frames[talk->frame_count++];
	frame->time_ns = talk->now_ns;
	frame->from_controller = segment->from_controller;
	frame->has_payload = segment->payload_bytes != 0;
	frame->length = wire_make(frame->bytes, &talk->path, segment);
}

static void flag(struct talk *talk, enum nvme_tcp_side side, uint8_t flags)
{
	const struct wire_segment segment = {.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = talk->sequence[side],
		.acknowledged = talk->sequence[!side],
		.flags = flags};

	add_frame(talk, &segment);
	talk->sequence[side]++;
}

static void send_bytes(
	struct talk *talk, enum nvme_tcp_side side, const uint8_t *bytes, size_t length)
{
	uint8_t **stream = &talk->streams[side];

	*stream = room(*stream, talk->stream_bytes[side] + length, 1);
	memcpy(*stream + talk->stream_bytes[side], bytes, length);
	talk->stream_bytes[side] += length;
	while (length) {
		size_t piece = talk->piece;
		struct wire_segment segment = {.from_controller = side == NVME_TCP_FROM_CONTROLLER,
			.sequence = talk->sequence[side],
			.acknowledged = talk->sequence[!side],
			.flags = WIRE_ACK,
			.payload = bytes};

		if (talk->random)
			piece = 1 + sample_random(&talk->random) % piece;
		segment.payload_bytes = piece < length ? piece : length;
		add_frame(talk, &segment);
		bytes += segment.payload_bytes;
		length -= segment.payload_bytes;
		talk->sequence[side] += (uint32_t)segment.payload_bytes;
	}
}

/* A PDU whose front was encoded, with data and its digest. */
static void send_pdu(struct talk *talk, enum nvme_tcp_side side, const uint8_t *front,
	size_t front_bytes, const uint8_t *data, uint32_t data_bytes)
{
	uint8_t pdu[NVME_TCP_FRONT_MAX + DATA_MAX + NVME_TCP_DIGEST_LENGTH];
	size_t length = front_bytes;

	memcpy(pdu, front, front_bytes);
	if (data_bytes) {
		memcpy(pdu + length, data, data_bytes);
		length += data_bytes;
	}
	if (front[1] & NVME_TCP_FLAG_DDGST) {
		nvme_digest_store(pdu + length, nvme_crc32c(data, data_bytes));
		length += NVME_TCP_DIGEST_LENGTH;
	}
	send_bytes(talk, side, pdu, length);
}

static void respond(struct talk *talk, uint16_t cid, uint16_t status, uint32_t dw0)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_cqe cqe = nvme_encode_cqe(cid, 0, status);

	cqe.dw0 = nvme_to_le32(dw0);
	talk->now_ns += TALK_LATENCY_NS;
	send_pdu(talk, NVME_TCP_FROM_CONTROLLER, front,
		nvme_tcp_encode_capsule_resp(front, &talk->format, &cqe), NULL, 0);
	talk->commands++;
	talk->errors += status != 0;
}

static void open_connection(struct talk *talk)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	static const uint8_t hostid[16] = {1};
	struct nvme_connect_data data;
	struct nvme_sqe sqe = nvme_encode_connect(
		&(struct nvme_connect_fields){.qid = 1, .sqsize_zero_based = 127});

	flag(talk, NVME_TCP_FROM_HOST, WIRE_SYN);
	flag(talk, NVME_TCP_FROM_CONTROLLER, WIRE_SYN | WIRE_ACK);
	send_bytes(talk, NVME_TCP_FROM_HOST, front, nvme_tcp_encode_icreq(front, &talk->format, 0));
	memset(front, 0, sizeof(front));
	send_bytes(talk, NVME_TCP_FROM_CONTROLLER, front,
		nvme_tcp_encode_icresp(front, &talk->format, 131072));
	nvme_encode_connect_data(&data, hostid, 0xffff, TALK_SUBSYSTEM_NQN, TALK_HOST_NQN);
	memset(front, 0, sizeof(front));
	send_pdu(talk, NVME_TCP_FROM_HOST, front,
		nvme_tcp_encode_capsule_cmd(front, &talk->format, &sqe, sizeof(data)),
		(const uint8_t *)&data, sizeof(data));
	respond(talk, 0, 0, 5);
	talk->bytes += sizeof(data);
}

/* How much data a command has: 512 bytes to DATA_MAX. */
static uint32_t data_bytes_of(unsigned int i)
{
	return 512u << i % 5;
}

static void send_data(struct talk *talk, enum nvme_tcp_pdu_type type, uint8_t flags, uint16_t cid,
	const uint8_t *data, uint32_t length)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	const struct nvme_tcp_data_fields fields = {.type = type,
		.flags = flags,
		.cid = cid,
		.ttag = type == NVME_TCP_H2C_DATA ? TTAG : 0,
		.length = length};

	send_pdu(talk, type == NVME_TCP_C2H_DATA ? NVME_TCP_FROM_CONTROLLER : NVME_TCP_FROM_HOST,
		front, nvme_tcp_encode_data(front, &talk->format, &fields), data, length);
}

/* In turn: a read that ends by SUCCESS, one with a response, a write in its capsule, one by R2T, one
 * that fails. */
static void talk_command(struct talk *talk, unsigned int i)
{
	unsigned int shape = i % 5;
	uint16_t cid = (uint16_t)(i % (talk->cids ? talk->cids : 100) + 1);
	uint32_t bytes = data_bytes_of(i / 5);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0}, data[DATA_MAX];
	bool in_capsule = shape == 2 || shape == 4;
	struct nvme_sqe sqe = nvme_encode_io(
		&(struct nvme_io_fields){.opcode = shape < 2 ? NVME_NVM_READ : NVME_NVM_WRITE,
			.cid = cid,
			.nsid = 1,
			.slba = i * 16u,
			.blocks = bytes / 512,
			.data_bytes = bytes,
			.in_capsule = in_capsule});

	memset(data, (int)i, sizeof(data));
	send_pdu(talk, NVME_TCP_FROM_HOST, front,
		nvme_tcp_encode_capsule_cmd(front, &talk->format, &sqe, in_capsule ? bytes : 0),
		data, in_capsule ? bytes : 0);
	if (shape == 0) {
		talk->now_ns += TALK_LATENCY_NS;
		send_data(talk, NVME_TCP_C2H_DATA, NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS, cid,
			data, bytes);
		talk->commands++;
	} else {
		if (shape == 1)
			send_data(talk, NVME_TCP_C2H_DATA, NVME_TCP_FLAG_LAST, cid, data, bytes);
		if (shape == 3) {
			memset(front, 0, sizeof(front));
			send_pdu(talk, NVME_TCP_FROM_CONTROLLER, front,
				nvme_tcp_encode_r2t(front, &talk->format, cid, TTAG, 0, bytes),
				NULL, 0);
			send_data(talk, NVME_TCP_H2C_DATA, NVME_TCP_FLAG_LAST, cid, data, bytes);
		}
		respond(talk, cid, shape == 4 ? NVME_STATUS(2, 0x80) : 0, 0);
	}
	if (shape != 4)
		talk->bytes += bytes;
	talk->now_ns += TALK_STEP_NS;
}

void talk_make(struct talk *talk, unsigned int commands)
{
	open_connection(talk);
	talk->now_ns += TALK_STEP_NS;
	talk->first_io = talk->frame_count;
	for (unsigned int i = 0; i < commands; i++)
		talk_command(talk, i);
}

void talk_free(struct talk *talk)
{
	free(talk->frames);
	free(talk->streams[0]);
	free(talk->streams[1]);
}

uint64_t talk_pdus(const struct talk *talk)
{
	static const struct nvme_tcp_stream_events none;
	uint64_t pdus = 0;

	for (int side = 0; side < NVME_TCP_SIDES; side++) {
		struct nvme_tcp_stream stream;

		nvme_tcp_stream_init(&stream, side, true, &none, NULL);
		nvme_tcp_stream_feed(&stream, talk->streams[side], talk->stream_bytes[side]);
		pdus += stream.counters.pdus;
	}
	return pdus;
}
