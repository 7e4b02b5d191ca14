// SPDX-License-Identifier: BSD-2-Clause
#include "sample_stream.h"

#include <assert.h>
#include <string.h>

struct maker {
	struct sample_stream *sample;
	const struct nvme_tcp_format *format;
	uint32_t random;
	uint32_t max_data;
};

static uint32_t below(struct maker *maker, uint32_t limit)
{
	return sample_random(&maker->random) % limit;
}

/* Appends a PDU whose front was encoded, with random data and its digest. */
static void append(
	struct maker *maker, const uint8_t *front, size_t front_bytes, uint32_t data_bytes)
{
	struct sample_stream *sample = maker->sample;
	struct sample_pdu *pdu = &sample->pdus[sample->count++];
	uint8_t *data = sample->bytes + sample->length + front_bytes;

	assert(sample->count <= SAMPLE_PDUS);
	assert(sample->length + front_bytes + data_bytes + 4 <= SAMPLE_BYTES);
	*pdu = (struct sample_pdu){
		.offset = sample->length,
		.data_offset = (uint32_t)(sample->length + front_bytes),
		.data_bytes = data_bytes,
		.type = front[0],
	};
	memcpy(sample->bytes + sample->length, front, front_bytes);
	for (uint32_t i = 0; i < data_bytes; i++)
		data[i] = (uint8_t)sample_random(&maker->random);
	sample->length += front_bytes + data_bytes;
	if (front[1] & NVME_TCP_FLAG_DDGST) {
		nvme_digest_store(data + data_bytes, nvme_crc32c(data, data_bytes));
		sample->length += NVME_TCP_DIGEST_LENGTH;
	}
}

static void append_command(struct maker *maker)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	uint32_t data_bytes = below(maker, 2) ? 1 + below(maker, maker->max_data) : 0;
	struct nvme_sqe sqe = nvme_encode_io(&(struct nvme_io_fields){
		.opcode = data_bytes ? NVME_NVM_WRITE : NVME_NVM_READ,
		.cid = (uint16_t)maker->sample->count,
		.nsid = 1,
		.slba = below(maker, 1 << 20),
		.blocks = 8,
		.data_bytes = data_bytes ? data_bytes : 4096,
		.in_capsule = data_bytes != 0,
	});

	append(maker, front, nvme_tcp_encode_capsule_cmd(front, maker->format, &sqe, data_bytes),
		data_bytes);
}

static void append_data(struct maker *maker, enum nvme_tcp_pdu_type type)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_tcp_data_fields fields = {
		.type = type,
		.flags = below(maker, 2) ? NVME_TCP_FLAG_LAST : 0,
		.cid = (uint16_t)maker->sample->count,
		.offset = below(maker, 4096),
		.length = 1 + below(maker, maker->max_data),
	};

	append(maker, front, nvme_tcp_encode_data(front, maker->format, &fields), fields.length);
}

static void append_from_controller(struct maker *maker)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_cqe cqe = nvme_encode_cqe((uint16_t)maker->sample->count, 1, 0);

	switch (below(maker, 3)) {
	case 0:
		append_data(maker, NVME_TCP_C2H_DATA);
		break;
	case 1:
		append(maker, front, nvme_tcp_encode_capsule_resp(front, maker->format, &cqe), 0);
		break;
	default:
		append(maker, front, nvme_tcp_encode_r2t(front, maker->format, 1, 2, 0, 8192), 0);
	}
}

void sample_stream_make(struct sample_stream *sample, enum nvme_tcp_side side,
	const struct nvme_tcp_format *format, unsigned int count, uint32_t max_data, uint32_t seed)
{
	struct maker maker = {
		.sample = sample, .format = format, .random = seed | 1, .max_data = max_data};
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	memset(sample, 0, sizeof(*sample));
	if (side == NVME_TCP_FROM_HOST)
		append(&maker, front, nvme_tcp_encode_icreq(front, format, 0), 0);
	else
		append(&maker, front, nvme_tcp_encode_icresp(front, format, 131072), 0);
	while (sample->count < count) {
		if (side == NVME_TCP_FROM_CONTROLLER)
			append_from_controller(&maker);
		else if (below(&maker, 2))
			append_command(&maker);
		else
			append_data(&maker, NVME_TCP_H2C_DATA);
	}
}
