// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/strangers.h"

#include <stdio.h>

#include "datapath/address.h"
#include "tests/unit/nvme/sample_stream.h"

struct stranger_way stranger_way;
struct rig stranger_rig;
uint32_t stranger_seed;

static void keep(struct stranger_seen *seen, const struct stoq_batch *datagram)
{
	seen->size = datagram->size < sizeof(seen->bytes) ? datagram->size : sizeof(seen->bytes);
	memcpy(seen->bytes, datagram->data, seen->size);
}

/* Anybody on the way can do this to the first packets: TLS will find out, ALPN comes first. */
static void change_alpn(struct stoq_batch *datagram)
{
	struct quic_initial initial;
	struct quic_cid unused, key;
	uint32_t version;
	size_t header;
	uint8_t *found;

	if (!quic_long_header(datagram->data, datagram->size, &version, &key, &unused, &header) ||
		!quic_initial_open(&initial, datagram->data, datagram->size, &key, true))
		return;
	found = memmem(initial.payload, initial.payload_size, "stoq/1", 6);
	if (!found)
		return;
	found[5] = '2';
	/* PADDING is added anew. */
	while (initial.payload_size && !initial.payload[initial.payload_size - 1])
		initial.payload_size--;
	assert_int_equal(quic_initial_seal(datagram->data, &initial, &key, true), datagram->size);
}

static bool see_client(void *context, struct stoq_batch *datagram)
{
	if (!stranger_way.first.size)
		keep(&stranger_way.first, datagram);
	if (stranger_way.change_alpn)
		change_alpn(datagram);
	return !stranger_way.hold_client;
}

static bool see_server(void *context, struct stoq_batch *datagram)
{
	if (stranger_way.counted.length &&
		!stoq_address_equal(&stranger_way.counted, &datagram->remote))
		return true;
	keep(&stranger_way.last, datagram);
	stranger_way.server_bytes += datagram->size;
	stranger_way.server_datagrams++;
	return true;
}

int stranger_setup(void **state)
{
	memset(&stranger_way, 0, sizeof(stranger_way));
	stranger_seed = 4711;
	rig_prepare(&stranger_rig, 1);
	return 0;
}

int stranger_teardown(void **state)
{
	rig_stop(&stranger_rig);
	return 0;
}

void stranger_start(void)
{
	rig_start(&stranger_rig);
	stoq_memory_set_filter(stranger_rig.client.datapath, see_client, NULL);
	stoq_memory_set_filter(stranger_rig.server.datapath, see_server, NULL);
}

/* ---- sending as somebody ---- */

struct stoq_address stranger_address(const char *text)
{
	struct stoq_address address;

	assert_int_equal(stoq_address_parse(&address, text, 0, NULL), 0);
	return address;
}

void stranger_send(const char *from, const uint8_t *bytes, size_t size)
{
	const struct stoq_address address = stranger_address(from);

	rig_inject(&stranger_rig, &address, &stranger_rig.server.address, bytes, size);
}

void stranger_random_bytes(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)sample_random(&stranger_seed);
}

void stranger_random_cid(struct quic_cid *cid, size_t size)
{
	cid->size = size;
	stranger_random_bytes(cid->bytes, size);
}

/* What a client's first packet says, with its ClientHello; the client itself gives up. */
void stranger_take_hello(struct quic_initial *hello)
{
	struct quic_cid key, unused;
	uint32_t version;
	size_t header;

	stranger_way.hold_client = true;
	stoq_connection_close(rig_connect(&stranger_rig), 0, NULL);
	rig_connect(&stranger_rig);
	rig_run(&stranger_rig, 10 * RIG_MS);
	assert_true(stranger_way.first.size >= QUIC_INITIAL_BYTES);
	assert_true(quic_long_header(stranger_way.first.bytes, stranger_way.first.size, &version,
		&key, &unused, &header));
	assert_true(quic_initial_open(
		hello, stranger_way.first.bytes, stranger_way.first.size, &key, true));
	while (hello->payload_size && !hello->payload[hello->payload_size - 1])
		hello->payload_size--;
	if (stranger_rig.client.connection)
		stoq_connection_close(stranger_rig.client.connection, 0, NULL);
	rig_run(&stranger_rig, RIG_S);
	stranger_way.hold_client = false;
}

/* The same ClientHello in a packet of a connection of its own. */
size_t stranger_hello(uint8_t datagram[static QUIC_INITIAL_BYTES], struct quic_initial *hello)
{
	stranger_random_cid(&hello->destination, 8 + sample_random(&stranger_seed) % 13);
	return quic_initial_seal(datagram, hello, &hello->destination, true);
}

void stranger_hello_from(const char *address, struct quic_initial *hello)
{
	uint8_t datagram[QUIC_INITIAL_BYTES];

	assert_int_equal(stranger_hello(datagram, hello), sizeof(datagram));
	stranger_send(address, datagram, sizeof(datagram));
}

void stranger_hello_from_anywhere(struct quic_initial *hello)
{
	char text[64];

	snprintf(text, sizeof(text), "10.%u.%u.%u:%u", sample_random(&stranger_seed) % 256,
		sample_random(&stranger_seed) % 256, sample_random(&stranger_seed) % 256,
		1024 + sample_random(&stranger_seed) % 60000);
	stranger_hello_from(text, hello);
}

void stranger_expect_service(void)
{
	stranger_rig.client.connected = stranger_rig.server.accepted = 0;
	rig_connected(&stranger_rig);
	stoq_connection_close(stranger_rig.client.connection, 0, NULL);
	rig_run(&stranger_rig, 30 * RIG_S);
	rig_assert_idle(&stranger_rig);
}
