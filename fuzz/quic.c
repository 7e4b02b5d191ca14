// SPDX-License-Identifier: BSD-2-Clause
#include "quic.h"

#include "datapath/address.h"
#include "transport/protection/protection.h"

struct quic_way quic_way;

/* ---- no protection ---- */

int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
int __wrap_stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
int __wrap_stoq_header_mask(struct stoq_header_key *key, uint8_t *mask, const uint8_t *sample);

int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	memmove(out, plain, size);
	memset(out + size, 0, STOQ_PROTECTION_TAG_BYTES);
	return 0;
}

int __wrap_stoq_packet_open(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	require(size >= STOQ_PROTECTION_TAG_BYTES);
	memmove(out, sealed, size - STOQ_PROTECTION_TAG_BYTES);
	return 0;
}

int __wrap_stoq_header_mask(struct stoq_header_key *key, uint8_t *mask, const uint8_t *sample)
{
	memset(mask, 0, STOQ_PROTECTION_MASK_BYTES);
	return 0;
}

/* ---- the two sides ---- */

static void change(struct quic_change *change, struct stoq_datagram *datagram)
{
	if (!change->bits)
		return;
	if (change->datagrams) {
		change->datagrams--;
		return;
	}
	datagram->data[change->offset % datagram->size] ^= change->bits;
	change->bits = 0;
}

static bool see(int from, struct stoq_datagram *datagram)
{
	for (int i = 0; i < QUIC_CHANGES; i++)
		change(&quic_way.changes[i], datagram);
	require(datagram->size <= sizeof(quic_way.bytes[from]));
	memcpy(quic_way.bytes[from], datagram->data, datagram->size);
	quic_way.size[from] = datagram->size;
	quic_way.total[from] += datagram->size;
	return !quic_way.hold;
}

static bool see_client(void *context, struct stoq_datagram *datagram)
{
	return see(FROM_CLIENT, datagram);
}

static bool see_server(void *context, struct stoq_datagram *datagram)
{
	return see(FROM_SERVER, datagram);
}

void quic_prepare(struct rig *rig)
{
	memset(&quic_way, 0, sizeof(quic_way));
	rig_prepare(rig, 1);
	rig->server.config.key_update_packets = rig->client.config.key_update_packets = 64;
	rig->server.config.max_udp_payload_bytes = rig->client.config.max_udp_payload_bytes = 1452;
	rig->server.config.max_bidirectional_streams = 8;
	rig->server.config.window_bytes = rig->server.config.stream_window_bytes = 4096;
}

void quic_start(struct rig *rig)
{
	rig_start(rig);
	stoq_memory_set_filter(rig->client.datapath, see_client, NULL);
	stoq_memory_set_filter(rig->server.datapath, see_server, NULL);
}

void quic_close(struct rig *rig)
{
	if (rig->client.connection)
		stoq_connection_close(rig->client.connection, 1, "the end");
	if (rig->server.connection)
		stoq_connection_close(rig->server.connection, 2, "the end");
	rig_run(rig, 120 * RIG_S);
	rig_assert_idle(rig);
	rig_stop(rig);
}

/* ---- packets ---- */

static void inject(struct rig *rig, const struct stoq_address *from, const struct stoq_address *to,
	const uint8_t *bytes, size_t size)
{
	if (!size)
		return;
	rig_inject(rig, from, to, bytes, size);
	rig_run(rig, RIG_MS);
}

void quic_inject(struct rig *rig, int from, const uint8_t *bytes, size_t size)
{
	if (from == FROM_CLIENT)
		inject(rig, &rig->client.address, &rig->server.address, bytes, size);
	else
		inject(rig, &rig->server.address, &rig->client.address, bytes, size);
}

void quic_inject_stranger(struct rig *rig, const uint8_t *bytes, size_t size)
{
	struct stoq_address stranger;

	require(!stoq_address_parse(&stranger, "203.0.113.7:4000", 0, NULL));
	inject(rig, &stranger, &rig->server.address, bytes, size);
}

bool quic_next_piece(struct quic_input *input, struct quic_piece *piece)
{
	const size_t left = (size_t)(input->end - input->at);

	if (left < 3)
		return false;
	piece->kind = input->at[0];
	piece->size = (size_t)(input->at[1] | input->at[2] << 8);
	piece->bytes = input->at + 3;
	if (piece->size > left - 3)
		piece->size = left - 3;
	if (piece->size > QUIC_INITIAL_BYTES)
		piece->size = QUIC_INITIAL_BYTES;
	input->at = piece->bytes + piece->size;
	return true;
}
