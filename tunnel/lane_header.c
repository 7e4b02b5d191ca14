// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/lane_header.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define FLAG_BYTES 0x01

static const uint8_t magic[4] = {'S', 'T', 'Q', 'L'};

const char *stoq_lane_code_text(uint64_t code)
{
	static const char *const texts[STOQ_LANE_CODES] = {
		[STOQ_LANE_DONE] = "it is over",
		[STOQ_LANE_TCP_RESET] = "the TCP connection at the other end was reset",
		[STOQ_LANE_UNREACHABLE] = "the target cannot be reached",
		[STOQ_LANE_UNKNOWN_TARGET] = "the listener has no target of that name",
		[STOQ_LANE_NOT_NVME] = "the bytes are not NVMe/TCP",
		[STOQ_LANE_PROTOCOL] = "the other end found a violation of the protocol",
		[STOQ_LANE_LIMIT] = "the other end has reached a limit",
		[STOQ_LANE_STOPPED] = "the other end stops",
	};

	return code < STOQ_LANE_CODES ? texts[code] : "of a reason that this version does not know";
}

static bool may_be_in_name(unsigned char c)
{
	return isalnum(c) || (c && strchr("-_.:", c));
}

bool stoq_lane_target_valid(const char *name)
{
	size_t length = strlen(name);

	if (length > STOQ_LANE_TARGET_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!may_be_in_name((unsigned char)name[i]))
			return false;
	return true;
}

static void put_u64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | in[i];
	return value;
}

size_t stoq_lane_header_encode(
	uint8_t out[static STOQ_LANE_HEADER_MAX], const struct stoq_lane_header *header)
{
	size_t length = strlen(header->target);

	memcpy(out, magic, sizeof(magic));
	out[4] = STOQ_LANE_VERSION;
	out[5] = header->bytes ? FLAG_BYTES : 0;
	out[6] = header->lane;
	out[7] = (uint8_t)length;
	put_u64(out + 8, header->queue);
	memcpy(out + STOQ_LANE_HEADER_MIN, header->target, length);
	return STOQ_LANE_HEADER_MIN + length;
}

static int check_fixed(const uint8_t *in)
{
	if (memcmp(in, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	if (in[4] != STOQ_LANE_VERSION)
		return -EPROTONOSUPPORT;
	if ((in[5] & ~FLAG_BYTES) || in[6] >= STOQ_LANES_MAX || in[7] > STOQ_LANE_TARGET_MAX)
		return -EBADMSG;
	/* The target, and that it is bytes, are lane 0's. */
	return in[6] && (in[5] || in[7]) ? -EBADMSG : 0;
}

int stoq_lane_header_decode(
	const uint8_t **data, const uint8_t *end, struct stoq_lane_header *header)
{
	const uint8_t *in = *data;
	int ret;

	if (end - in < STOQ_LANE_HEADER_MIN)
		return -EAGAIN;
	ret = check_fixed(in);
	if (ret)
		return ret;
	if (end - in < STOQ_LANE_HEADER_MIN + in[7])
		return -EAGAIN;
	*header = (struct stoq_lane_header){
		.queue = get_u64(in + 8), .lane = in[6], .bytes = in[5] & FLAG_BYTES};
	memcpy(header->target, in + STOQ_LANE_HEADER_MIN, in[7]);
	if (strlen(header->target) != in[7] || !stoq_lane_target_valid(header->target))
		return -EBADMSG;
	*data = in + STOQ_LANE_HEADER_MIN + in[7];
	return 0;
}

/* ---- records ---- */

#define RECORD_BYTES (sizeof(struct nvme_tcp_hdr))
#define TIMES_BYTES  (RECORD_BYTES + 16)

static size_t put_record(uint8_t *out, uint8_t type, uint8_t flags, size_t size)
{
	struct nvme_tcp_hdr record = {.type = type,
		.flags = flags,
		.hlen = sizeof(record),
		.plen = nvme_to_le32((uint32_t)size)};

	memcpy(out, &record, sizeof(record));
	return size;
}

size_t stoq_lane_record_encode_lanes(uint8_t out[static STOQ_LANE_RECORD_MAX], unsigned int lanes)
{
	return put_record(out, STOQ_LANE_RECORD_LANES, (uint8_t)lanes, RECORD_BYTES);
}

size_t stoq_lane_record_encode_times(
	uint8_t out[static STOQ_LANE_RECORD_MAX], const struct stoq_lane_times *times)
{
	__le64 values[2] = {nvme_to_le64(times->commands), nvme_to_le64(times->target_ns)};

	memcpy(out + RECORD_BYTES, values, sizeof(values));
	return put_record(out, STOQ_LANE_RECORD_TIMES, 0, TIMES_BYTES);
}

size_t stoq_lane_record_encode_targets(
	uint8_t out[static STOQ_LANE_RECORD_MAX], const char *targets, size_t size)
{
	memcpy(out + RECORD_BYTES, targets, size);
	return put_record(out, STOQ_LANE_RECORD_TARGETS, 0, RECORD_BYTES + size);
}

bool stoq_lane_record_valid(const struct nvme_tcp_hdr *record)
{
	uint32_t plen = nvme_le32(record->plen);

	if (record->hlen != sizeof(*record) || record->pdo)
		return false;
	switch (record->type) {
	case STOQ_LANE_RECORD_LANES:
		return plen == RECORD_BYTES && record->flags >= 2 &&
		       record->flags <= STOQ_LANES_MAX;
	case STOQ_LANE_RECORD_TIMES:
		return plen == TIMES_BYTES && !record->flags;
	case STOQ_LANE_RECORD_TARGETS:
		return plen > RECORD_BYTES && plen <= STOQ_LANE_RECORD_MAX && !record->flags;
	default:
		return false;
	}
}

unsigned int stoq_lane_record_lanes(const struct nvme_tcp_hdr *record)
{
	return record->flags;
}

void stoq_lane_record_times(const uint8_t *record, struct stoq_lane_times *times)
{
	__le64 values[2];

	memcpy(values, record + RECORD_BYTES, sizeof(values));
	times->commands = nvme_le64(values[0]);
	times->target_ns = nvme_le64(values[1]);
}
