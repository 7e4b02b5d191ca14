// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/puppet.h"

#include "datapath/address.h"
#include "tests/unit/transport/frame_walk.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/ngtcp2_compat.h"
#include "transport/varint.h"

struct puppet puppet;
unsigned int puppet_id_limit;
bool puppet_without_id;

/* ---- what the client says of itself ---- */

int __real_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
	const ngtcp2_cid *scid, const ngtcp2_path *path, uint32_t version, int callbacks_version,
	const ngtcp2_callbacks *callbacks, int settings_version, const ngtcp2_settings *settings,
	int params_version, const ngtcp2_transport_params *params, const ngtcp2_mem *mem,
	void *user);
int __wrap_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
	const ngtcp2_cid *scid, const ngtcp2_path *path, uint32_t version, int callbacks_version,
	const ngtcp2_callbacks *callbacks, int settings_version, const ngtcp2_settings *settings,
	int params_version, const ngtcp2_transport_params *params, const ngtcp2_mem *mem,
	void *user);

int __wrap_ngtcp2_conn_client_new_versioned(ngtcp2_conn **conn, const ngtcp2_cid *dcid,
	const ngtcp2_cid *scid, const ngtcp2_path *path, uint32_t version, int callbacks_version,
	const ngtcp2_callbacks *callbacks, int settings_version, const ngtcp2_settings *settings,
	int params_version, const ngtcp2_transport_params *params, const ngtcp2_mem *mem,
	void *user)
{
	ngtcp2_transport_params changed = *params;
	ngtcp2_cid id = *scid;

	if (puppet_id_limit)
		changed.active_connection_id_limit = puppet_id_limit;
	if (puppet_without_id) {
		id.datalen = 0;
		assert_int_equal(stoq_connection_add_cid(user, &id), 0);
	}
	return __real_ngtcp2_conn_client_new_versioned(conn, dcid, &id, path, version,
		callbacks_version, callbacks, settings_version, settings, params_version, &changed,
		mem, user);
}

/* ---- packets ---- */

static struct puppet_id *find_id(struct puppet_id *ids, unsigned int count, uint64_t which)
{
	for (unsigned int i = 0; i < count; i++)
		if (ids[i].number == which)
			return &ids[i];
	return NULL;
}

static void learn_id(const uint8_t *bytes, uint64_t which)
{
	struct puppet_id *id = find_id(puppet.theirs, puppet.their_count, which);

	if (id)
		return;
	assert_true(puppet.their_count < PUPPET_IDS);
	id = &puppet.theirs[puppet.their_count++];
	*id = (struct puppet_id){.number = which};
	memcpy(id->bytes, bytes, sizeof(id->bytes));
}

static void learn_challenge(const uint8_t *data, unsigned int place)
{
	struct puppet_challenge *challenge =
		&puppet.challenges[puppet.challenge_count++ % PUPPET_CHALLENGES];

	memcpy(challenge->data, data, sizeof(challenge->data));
	challenge->place = place;
}

static void learn_retired(uint64_t which)
{
	struct puppet_id *id = find_id(puppet.ours, puppet.our_count, which);

	puppet.retirements++;
	if (!id)
		fail_msg("the server retires %lu, which it was not given", which);
	id->retired = true;
}

/* What the server's frames say. */
static void read_frames(const uint8_t *at, const uint8_t *end, unsigned int place)
{
	while (at < end) {
		const struct frame_walk frame = frame_walk_next(&at, end);
		uint64_t stream_end = frame.numbers[1] + frame.size;

		if (frame.type >= 0x08 && frame.type <= 0x0f && stream_end > puppet.stream_bytes)
			puppet.stream_bytes = stream_end;
		if (frame.type == 0x19)
			learn_retired(frame.numbers[0]);
		if (frame.type == 0x1a)
			learn_challenge(frame.data, place);
		if (frame.type == 0x18) {
			assert_int_equal(frame.size, STOQ_CID_BYTES);
			learn_id(frame.data, frame.numbers[0]);
		}
	}
}

static unsigned int place_of(const struct stoq_address *address)
{
	for (unsigned int i = 0; i < puppet.place_count; i++)
		if (stoq_address_equal(&puppet.places[i].address, address))
			return i;
	return PUPPET_PLACES;
}

static void read_server(uint8_t *packet, const uint8_t *end, unsigned int place)
{
	const size_t id = puppet_without_id ? 0 : STOQ_CID_BYTES;
	const size_t size = (packet[0] & 3) + 1u;
	const uint64_t which = frame_walk_packet_number(packet + 1 + id, size, puppet.largest);

	puppet.packets++;
	if (puppet.on && puppet.unreachable[place])
		return;
	if (which > puppet.largest)
		puppet.largest = which;
	assert_true(which < PUPPET_PACKETS);
	puppet.arrived[which] = true;
	read_frames(packet + 1 + id + size, end - 16, place);
}

static void count(struct puppet_place *place, size_t bytes)
{
	if (place->validated)
		return;
	place->sent += bytes;
	puppet.too_much += place->sent > 3 * place->received;
}

static bool see_server(void *context, struct stoq_batch *datagram)
{
	unsigned int place = place_of(&datagram->remote);
	uint8_t *packet = frame_walk_find_short(datagram->data, datagram->data + datagram->size);

	if (place == PUPPET_PLACES)
		fail_msg("the server sends to where the client never was");
	if (puppet.on)
		count(&puppet.places[place], datagram->size);
	if (packet)
		read_server(packet, datagram->data + datagram->size, place);
	return !puppet.on;
}

static bool see_client(void *context, struct stoq_batch *datagram)
{
	uint8_t *packet = frame_walk_find_short(datagram->data, datagram->data + datagram->size);
	size_t size;

	if (puppet.on)
		return false;
	if (!packet)
		return true;
	/* A client without an ID does not know its own packets: a stateless reset. */
	if (!stoq_cid_is_ours(&puppet.rig.server.transport->cid_key, packet + 1, STOQ_CID_BYTES))
		return false;
	learn_id(packet + 1, 0);
	size = (packet[0] & 3) + 1u;
	puppet.packet = (uint32_t)packet[1 + STOQ_CID_BYTES + size - 1] + 1;
	frame_walk_erase_ids(
		packet + 1 + STOQ_CID_BYTES + size, datagram->data + datagram->size - 16);
	return true;
}

/* ---- frames ---- */

uint8_t *puppet_ping(uint8_t *at)
{
	*at++ = 0x01;
	return at;
}

/* The last sixteen ranges of what has arrived. */
uint8_t *puppet_ack(uint8_t *at)
{
	uint64_t ranges[16][2], high = puppet.largest, previous;
	unsigned int ranges_count = 0;

	while (ranges_count < 16) {
		uint64_t low;

		while (high && !puppet.arrived[high])
			high--;
		if (!puppet.arrived[high])
			break;
		low = high;
		while (low && puppet.arrived[low - 1])
			low--;
		ranges[ranges_count][0] = low;
		ranges[ranges_count++][1] = high;
		if (!low)
			break;
		high = low - 1;
	}
	if (!ranges_count)
		return at;
	*at++ = 0x02;
	stoq_varint_put(&at, ranges[0][1]);
	stoq_varint_put(&at, 0);
	stoq_varint_put(&at, ranges_count - 1);
	stoq_varint_put(&at, ranges[0][1] - ranges[0][0]);
	previous = ranges[0][0];
	for (unsigned int i = 1; i < ranges_count; i++) {
		stoq_varint_put(&at, previous - ranges[i][1] - 2);
		stoq_varint_put(&at, ranges[i][1] - ranges[i][0]);
		previous = ranges[i][0];
	}
	return at;
}

static void make_id(uint8_t bytes[STOQ_CID_BYTES], uint64_t which)
{
	memset(bytes, 0xc1, STOQ_CID_BYTES);
	memcpy(bytes + 8, &which, sizeof(which));
}

uint8_t *puppet_new_id(uint8_t *at, uint64_t which, uint64_t retire_prior_to)
{
	struct puppet_id *id = find_id(puppet.ours, puppet.our_count, which);

	if (!id) {
		assert_true(puppet.our_count < PUPPET_IDS);
		id = &puppet.ours[puppet.our_count++];
		*id = (struct puppet_id){.number = which};
		make_id(id->bytes, which);
	}
	*at++ = 0x18;
	stoq_varint_put(&at, which);
	stoq_varint_put(&at, retire_prior_to);
	*at++ = STOQ_CID_BYTES;
	memcpy(at, id->bytes, STOQ_CID_BYTES);
	at += STOQ_CID_BYTES;
	memset(at, 0x70, 16);
	memcpy(at, &which, sizeof(which));
	return at + 16;
}

uint8_t *puppet_retire(uint8_t *at, uint64_t which)
{
	*at++ = 0x19;
	stoq_varint_put(&at, which);
	return at;
}

uint8_t *puppet_path(uint8_t *at, bool response, const uint8_t data[8])
{
	*at++ = response ? 0x1b : 0x1a;
	memcpy(at, data, 8);
	/* Those who answer a challenge that was sent to a place are there. */
	for (unsigned int i = 0; response && i < puppet.challenge_count && i < PUPPET_CHALLENGES;
		i++)
		if (!memcmp(puppet.challenges[i].data, data, 8))
			puppet.places[puppet.challenges[i].place].validated = true;
	return at + 8;
}

uint8_t *puppet_credit(uint8_t *at, int64_t stream)
{
	*at++ = 0x10;
	stoq_varint_put(&at, 1ull << 40);
	*at++ = 0x11;
	stoq_varint_put(&at, (uint64_t)stream);
	stoq_varint_put(&at, 1ull << 40);
	return at;
}

/* ---- sending ---- */

void puppet_send_raw(unsigned int place, const uint8_t *bytes, size_t size)
{
	puppet.places[place].received += size;
	rig_inject(&puppet.rig, &puppet.places[place].address, &puppet.rig.server.address, bytes,
		size);
}

void puppet_send(unsigned int place, unsigned int their_id, const uint8_t *frames, size_t size,
	size_t datagram_bytes)
{
	uint8_t packet[2048] = {0}, *at = packet;

	*at++ = 0x43;
	memcpy(at, puppet.theirs[their_id].bytes, STOQ_CID_BYTES);
	at += STOQ_CID_BYTES;
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(puppet.packet >> shift);
	puppet.packet++;
	memcpy(at, frames, size);
	at += size;
	if ((size_t)(at - packet) + 16 < datagram_bytes)
		at = packet + datagram_bytes - 16;
	memset(at, 0, 16);
	puppet_send_raw(place, packet, (size_t)(at - packet) + 16);
}

static unsigned int usable_id(void)
{
	for (unsigned int i = puppet.their_count; i-- > 0;)
		if (!puppet.theirs[i].retired)
			return i;
	fail_msg("the server has given no ID");
	return 0;
}

static void answer(unsigned int place, unsigned int *seen)
{
	uint8_t frames[1024], *at = puppet_ack(frames);

	while (*seen < puppet.challenge_count) {
		const struct puppet_challenge *challenge =
			&puppet.challenges[(*seen)++ % PUPPET_CHALLENGES];

		if (challenge->place == place && at - frames < 900)
			at = puppet_path(at, true, challenge->data);
	}
	at = puppet_ping(at);
	puppet_send(place, usable_id(), frames, (size_t)(at - frames), 1200);
}

void puppet_behave(unsigned int place, uint64_t duration_ns)
{
	const uint64_t end_ns = puppet.rig.now_ns + duration_ns;
	unsigned int seen = puppet.challenge_count;

	for (unsigned int i = 0; i < PUPPET_PLACES; i++)
		puppet.unreachable[i] = i != place;
	while (puppet.rig.now_ns < end_ns && puppet.rig.server.connection) {
		answer(place, &seen);
		rig_run(&puppet.rig, 5 * RIG_MS);
	}
	memset(puppet.unreachable, 0, sizeof(puppet.unreachable));
}

/* ---- beginning ---- */

unsigned int puppet_add_place(const char *text)
{
	struct puppet_place *place = &puppet.places[puppet.place_count];

	*place = (struct puppet_place){0};
	assert_true(puppet.place_count < PUPPET_PLACES);
	assert_int_equal(stoq_address_parse(&place->address, text, 0, NULL), 0);
	return puppet.place_count++;
}

void puppet_start(uint64_t seed)
{
	memset(&puppet, 0, sizeof(puppet));
	rig_prepare(&puppet.rig, seed);
	puppet.rig.client.config.tls.insecure = puppet.rig.server.config.tls.insecure = true;
	puppet_add_place("192.0.2.2:50000");
	puppet.places[0].validated = true;
	rig_start(&puppet.rig);
	rig_set_link(&puppet.rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	stoq_memory_set_filter(puppet.rig.client.datapath, see_client, NULL);
	stoq_memory_set_filter(puppet.rig.server.datapath, see_server, NULL);
	rig_connect(&puppet.rig);
	assert_true(rig_run_until(&puppet.rig, rig_both_connected, 10 * RIG_S));
	rig_run(&puppet.rig, 50 * RIG_MS);
	puppet.on = true;
	puppet.ours[puppet.our_count++] = (struct puppet_id){0};
	puppet.next_number = 1;
}

void puppet_stop(void)
{
	rig_stop(&puppet.rig);
}
