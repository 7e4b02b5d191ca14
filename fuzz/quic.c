// SPDX-License-Identifier: BSD-2-Clause
#include "quic.h"

#include <gnutls/crypto.h>

#include "datapath/address.h"

struct quic_way quic_way;
struct rig quic_rig;

/*
 * What is freed is not used again for the next eight megabytes: more than an input takes. For all
 * of the stacks where memory was allocated: ASAN_OPTIONS=malloc_context_size=30.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:malloc_context_size=2";
}

/* ---- random numbers ---- */

static uint64_t random_state;

int __wrap_gnutls_rnd(gnutls_rnd_level_t level, void *data, size_t size);

int __wrap_gnutls_rnd(gnutls_rnd_level_t level, void *data, size_t size)
{
	uint8_t *at = data;

	for (size_t i = 0; i < size; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		at[i] = (uint8_t)(random_state >> 56);
	}
	return 0;
}

/* ---- the two sides ---- */

static void change(struct quic_change *change, struct stoq_batch *datagram)
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

static bool see(int from, struct stoq_batch *datagram)
{
	for (int i = 0; i < QUIC_CHANGES; i++)
		change(&quic_way.changes[i], datagram);
	require(datagram->size <= sizeof(quic_way.bytes[from]));
	memcpy(quic_way.bytes[from], datagram->data, datagram->size);
	quic_way.size[from] = datagram->size;
	return !quic_way.hold;
}

static bool see_client(void *context, struct stoq_batch *datagram)
{
	return see(FROM_CLIENT, datagram);
}

static bool see_server(void *context, struct stoq_batch *datagram)
{
	return see(FROM_SERVER, datagram);
}

static void forget(struct rig_side *side)
{
	side->connection = NULL;
	side->stream = NULL;
	side->accepted = side->connected = side->closed = 0;
	side->echo = false;
	free(side->session);
	side->session = NULL;
}

static void start(void (*adjust)(void))
{
	struct rig *rig = &quic_rig;

	rig_prepare(rig, 1);
	rig->server.config.key_update_packets = rig->client.config.key_update_packets = 64;
	rig->server.config.max_udp_payload_bytes = rig->client.config.max_udp_payload_bytes = 1452;
	rig->server.config.max_bidirectional_streams = 8;
	rig->server.config.window_bytes = rig->server.config.stream_window_bytes = 4096;
	adjust();
	rig_start(rig);
	stoq_memory_set_filter(rig->client.datapath, see_client, NULL);
	stoq_memory_set_filter(rig->server.datapath, see_server, NULL);
}

static void clear_way(void)
{
	memset(quic_way.changes, 0, sizeof(quic_way.changes));
	memset(quic_way.size, 0, sizeof(quic_way.size));
	quic_way.hold = false;
}

void quic_begin(void (*adjust)(void))
{
	random_state = 1;
	clear_way();
	if (!quic_rig.network)
		start(adjust);
	forget(&quic_rig.client);
	forget(&quic_rig.server);
}

/* The session of a connection that no input has touched yet. */
static struct {
	uint8_t *bytes;
	size_t size;
} session;

static void keep_session(void)
{
	struct stoq_connection_info info;

	stoq_connection_info(quic_rig.client.connection, &info);
	if (info.resumed)
		return;
	require(quic_rig.client.session);
	free(session.bytes);
	session.bytes = quic_rig.client.session;
	session.size = quic_rig.client.session_size;
	quic_rig.client.session = NULL;
}

void quic_connect(void)
{
	struct stoq_connect_config config = rig_connect_config(&quic_rig);

	config.session = session.bytes;
	config.session_bytes = session.size;
	rig_connect_as(&quic_rig, &config);
	rig_wait_connected(&quic_rig);
	rig_run(&quic_rig, 100 * RIG_MS);
	/* A ticket that is hours old is not taken any more: there is another one. */
	keep_session();
}

void quic_close(void)
{
	if (quic_rig.client.connection)
		stoq_connection_close(quic_rig.client.connection, 1, "the end");
	if (quic_rig.server.connection)
		stoq_connection_close(quic_rig.server.connection, 2, "the end");
	rig_run(&quic_rig, 120 * RIG_S);
	rig_assert_idle(&quic_rig);
}

/* ---- packets ---- */

static void inject(const struct stoq_address *from, const struct stoq_address *to,
	const uint8_t *bytes, size_t size)
{
	if (!size)
		return;
	rig_inject(&quic_rig, from, to, bytes, size);
	rig_run(&quic_rig, RIG_MS);
}

void quic_inject(int from, const uint8_t *bytes, size_t size)
{
	if (from == FROM_CLIENT)
		inject(&quic_rig.client.address, &quic_rig.server.address, bytes, size);
	else
		inject(&quic_rig.server.address, &quic_rig.client.address, bytes, size);
}

void quic_inject_stranger(const uint8_t *bytes, size_t size)
{
	struct stoq_address stranger;

	require(!stoq_address_parse(&stranger, "203.0.113.7:4000", 0, NULL));
	inject(&stranger, &quic_rig.server.address, bytes, size);
}

uint8_t *quic_put_number(uint8_t *at, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(number >> shift);
	return at;
}
