// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/puppet_server.h"

#include "tests/unit/transport/frame_walk.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/varint.h"

#define RANGES_MAX 16

struct puppet_server puppet_server;

static void learn_id(const uint8_t *bytes, uint64_t number)
{
	struct puppet_server_id *id;

	for (unsigned int i = 0; i < puppet_server.their_count; i++)
		if (puppet_server.theirs[i].number == number)
			return;
	/* The oldest are retired when there are so many. */
	id = &puppet_server.theirs[puppet_server.their_count % PUPPET_SERVER_IDS];
	if (puppet_server.their_count < PUPPET_SERVER_IDS)
		puppet_server.their_count++;
	else
		id = &puppet_server.theirs[number % PUPPET_SERVER_IDS];
	*id = (struct puppet_server_id){.number = number};
	memcpy(id->bytes, bytes, sizeof(id->bytes));
}

static void read_frame(const struct frame_walk *frame)
{
	if (frame->type >= 0x08 && frame->type <= 0x0f)
		puppet_server.stream_frames++;
	switch (frame->type) {
	case 0x18:
		puppet_server.given++;
		learn_id(frame->data, frame->numbers[0]);
		return;
	case 0x19:
		assert_true(frame->numbers[0] < PUPPET_SERVER_PACKETS);
		puppet_server.retirements += !puppet_server.retired[frame->numbers[0]];
		puppet_server.retired[frame->numbers[0]] = true;
		return;
	case 0x1a:
		memcpy(puppet_server.challenges[puppet_server.challenge_count++ %
						PUPPET_SERVER_CHALLENGES],
			frame->data, 8);
		return;
	case 0x1b:
		puppet_server.responses++;
		return;
	default:
		return;
	}
}

/* IDs that the server has given have that size, those of the puppet as well. */
static void read_client(const uint8_t *packet, const uint8_t *end)
{
	const size_t size = (packet[0] & 3) + 1u;
	const uint8_t *at = packet + 1 + STOQ_CID_BYTES;
	const uint64_t which = frame_walk_packet_number(at, size, puppet_server.largest);

	at += size;
	end -= 16;
	if (which > puppet_server.largest)
		puppet_server.largest = which;
	assert_true(which < PUPPET_SERVER_PACKETS);
	puppet_server.arrived[which] = true;
	while (at < end) {
		const struct frame_walk frame = frame_walk_next(&at, end);

		read_frame(&frame);
	}
}

static bool see_client(void *context, struct stoq_batch *datagram)
{
	uint8_t *end = datagram->data + datagram->size;
	uint8_t *packet = frame_walk_find_short(datagram->data, end);

	puppet_server.packets += puppet_server.on;
	puppet_server.bytes += puppet_server.on ? datagram->size : 0;
	puppet_server.client = datagram->local;
	if (packet && !puppet_server.deaf)
		read_client(packet, end);
	return !puppet_server.on;
}

static bool see_server(void *context, struct stoq_batch *datagram)
{
	uint8_t *packet = frame_walk_find_short(datagram->data, datagram->data + datagram->size);
	size_t size;

	if (puppet_server.on)
		return false;
	if (!packet)
		return true;
	if (!puppet_server.their_count)
		learn_id(packet + 1, 0);
	size = (packet[0] & 3) + 1u;
	puppet_server.packet = (uint32_t)packet[1 + STOQ_CID_BYTES + size - 1] + 1;
	frame_walk_erase_ids(
		packet + 1 + STOQ_CID_BYTES + size, datagram->data + datagram->size - 16);
	return true;
}

/* ---- frames ---- */

uint8_t *puppet_server_ack(uint8_t *at)
{
	uint64_t high = puppet_server.largest, low, previous = 0;
	uint8_t ranges[RANGES_MAX * 16], *end = ranges;
	unsigned int count = 0;
	uint64_t first = 0;

	while (count < RANGES_MAX) {
		while (high && !puppet_server.arrived[high])
			high--;
		if (!puppet_server.arrived[high])
			break;
		low = high;
		while (low && puppet_server.arrived[low - 1])
			low--;
		if (!count)
			first = high - low;
		else
			stoq_varint_put(&end, previous - high - 2);
		if (count)
			stoq_varint_put(&end, high - low);
		count++;
		previous = low;
		if (!low)
			break;
		high = low - 1;
	}
	if (!count)
		return at;
	*at++ = 0x02;
	stoq_varint_put(&at, puppet_server.largest);
	stoq_varint_put(&at, 0);
	stoq_varint_put(&at, count - 1);
	stoq_varint_put(&at, first);
	memcpy(at, ranges, (size_t)(end - ranges));
	return at + (end - ranges);
}

uint8_t *puppet_server_new_id(uint8_t *at, uint64_t number, uint64_t retire_prior_to)
{
	*at++ = 0x18;
	stoq_varint_put(&at, number);
	stoq_varint_put(&at, retire_prior_to);
	*at++ = STOQ_CID_BYTES;
	memset(at, 0xc1, STOQ_CID_BYTES);
	memcpy(at + 8, &number, sizeof(number));
	at += STOQ_CID_BYTES;
	memset(at, 0x70, 16);
	memcpy(at, &number, sizeof(number));
	return at + 16;
}

unsigned int puppet_server_usable_id(void)
{
	for (unsigned int i = puppet_server.their_count; i-- > 0;)
		if (!puppet_server.theirs[i].retired)
			return i;
	fail_msg("the client has given no ID");
	return 0;
}

void puppet_server_send(unsigned int their_id, const uint8_t *frames, size_t size)
{
	uint8_t packet[4096] = {0}, *at = packet;

	assert_true(size + 64 < sizeof(packet));
	*at++ = 0x43;
	memcpy(at, puppet_server.theirs[their_id].bytes, STOQ_CID_BYTES);
	at += STOQ_CID_BYTES;
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(puppet_server.packet >> shift);
	puppet_server.packet++;
	memcpy(at, frames, size);
	at += size + 16;
	rig_inject(&puppet_server.rig, &puppet_server.rig.server.address, &puppet_server.client,
		packet, (size_t)(at - packet));
}

/* ---- beginning ---- */

void puppet_server_prepare(uint64_t seed)
{
	struct rig *rig = &puppet_server.rig;

	memset(&puppet_server, 0, sizeof(puppet_server));
	rig_prepare(rig, seed);
	rig->client.config.tls.insecure = rig->server.config.tls.insecure = true;
}

void puppet_server_start(void)
{
	struct rig *rig = &puppet_server.rig;

	rig_start(rig);
	rig_set_link(rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	stoq_memory_set_filter(rig->client.datapath, see_client, NULL);
	stoq_memory_set_filter(rig->server.datapath, see_server, NULL);
	rig_connected(rig);
	rig_run(rig, 50 * RIG_MS);
	puppet_server.on = true;
}

void puppet_server_stop(void)
{
	rig_stop(&puppet_server.rig);
}
