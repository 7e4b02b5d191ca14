// SPDX-License-Identifier: BSD-2-Clause
/*
 * Before anybody is authenticated: datagrams, tokens, CRYPTO and other frames in Initial and
 * Handshake packets, Retry and version negotiation reach a server that listens and a client that
 * connects. Nothing of them may stay.
 */
#include "quic.h"

enum kind {
	DATAGRAM_TO_SERVER,
	INITIAL_TO_SERVER, /* a token's length, the token, frames */
	HANDSHAKE_TO_SERVER,
	DATAGRAM_TO_CLIENT,
	INITIAL_TO_CLIENT,
	HANDSHAKE_TO_CLIENT,
	RETRY_TO_CLIENT,
	VERSIONS_TO_CLIENT,
	TIME,
	ANSWERS, /* what the two send arrives from now on, or not */
	CHANGES, /* to what the two send: four bytes each */
	SESSION, /* the client would resume a connection with these bytes */
	KINDS,
};

#define VERSION	       1
#define TYPE_HANDSHAKE 0xe3
#define TYPE_RETRY     0xf0

static const struct quic_cid ours = {{1, 2, 3, 4, 5, 6, 7, 8}, 8};

/* The connection IDs that the client uses: its own, and the one it made up for the server. */
static bool client_cids(struct quic_cid *of_client, struct quic_cid *of_server)
{
	uint32_t version;
	size_t header;

	return quic_long_header(quic_way.bytes[FROM_CLIENT], quic_way.size[FROM_CLIENT], &version,
		of_server, of_client, &header);
}

/* Of the next packet. */
static uint32_t number;

static size_t initial(uint8_t *datagram, const struct quic_cid *destination,
	const struct piece *piece, bool from_client)
{
	struct quic_initial packet = {
		.destination = *destination, .source = ours, .number = number};
	const uint8_t *bytes = piece->bytes;
	size_t size = piece->size;

	if (from_client && size) {
		packet.token_size = bytes[0] % 128;
		size--;
		bytes++;
		if (packet.token_size > size)
			packet.token_size = size;
		memcpy(packet.token, bytes, packet.token_size);
		bytes += packet.token_size;
		size -= packet.token_size;
	}
	number++;
	memcpy(packet.payload, bytes, size);
	packet.payload_size = size;
	return quic_initial_seal(datagram, &packet, destination, from_client);
}

/* A long header packet with a length and a number of four bytes; what stands for the tag is cut. */
static size_t handshake(
	uint8_t *datagram, const struct quic_cid *destination, const struct piece *piece)
{
	size_t at = quic_long_header_write(datagram, TYPE_HANDSHAKE, VERSION, destination, &ours);
	const size_t length = 4 + piece->size + 16;

	datagram[at++] = (uint8_t)(0x40 | length >> 8);
	datagram[at++] = (uint8_t)length;
	quic_put_number(datagram + at, number++);
	at += 4;
	memcpy(datagram + at, piece->bytes, piece->size);
	memset(datagram + at + piece->size, 0, 16);
	return at + piece->size + 16;
}

static size_t header_and_bytes(uint8_t *datagram, uint8_t first, uint32_t version,
	const struct quic_cid *to, const struct quic_cid *from, const struct piece *piece)
{
	size_t at = quic_long_header_write(datagram, first, version, to, from);

	memcpy(datagram + at, piece->bytes, piece->size);
	return at + piece->size;
}

static void to_server(const struct piece *piece)
{
	uint8_t datagram[2 * QUIC_INITIAL_BYTES];

	if (piece->kind % KINDS == DATAGRAM_TO_SERVER)
		quic_inject_stranger(piece->bytes, piece->size);
	else if (piece->kind % KINDS == INITIAL_TO_SERVER)
		quic_inject_stranger(datagram, initial(datagram, &ours, piece, true));
	else
		quic_inject_stranger(datagram, handshake(datagram, &ours, piece));
}

static void to_client(const struct piece *piece)
{
	uint8_t datagram[2 * QUIC_INITIAL_BYTES];
	struct quic_cid client, server;
	size_t size;

	if (!client_cids(&client, &server))
		return;
	switch (piece->kind % KINDS) {
	case INITIAL_TO_CLIENT:
		size = initial(datagram, &client, piece, false);
		break;
	case HANDSHAKE_TO_CLIENT:
		size = handshake(datagram, &client, piece);
		break;
	case RETRY_TO_CLIENT:
		size = header_and_bytes(datagram, TYPE_RETRY, VERSION, &client, &ours, piece);
		/* The Retry Integrity Tag, which is all zero here. */
		memset(datagram + size, 0, 16);
		size += 16;
		break;
	case VERSIONS_TO_CLIENT:
		size = header_and_bytes(datagram, 0x80, 0, &client, &server, piece);
		break;
	default:
		memcpy(datagram, piece->bytes, piece->size);
		size = piece->size;
	}
	quic_inject(FROM_SERVER, datagram, size);
}

static void plan_changes(const struct piece *piece)
{
	const uint8_t *at = piece->bytes;

	for (size_t i = 0; i < QUIC_CHANGES && 4 * (i + 1) <= piece->size; i++, at += 4)
		quic_way.changes[i] = (struct quic_change){
			.datagrams = at[0] % 8,
			.bits = at[1],
			.offset = (uint16_t)(at[2] | at[3] << 8),
		};
}

/* What an application has kept in a file may have become anything: it is refused. */
static void resume_with(const struct piece *piece)
{
	struct stoq_connect_config config = rig_connect_config(&quic_rig);
	struct stoq_connection *connection;

	config.session = piece->bytes;
	config.session_bytes = piece->size;
	config.early_data = true;
	if (piece->size)
		require(stoq_transport_connect(quic_rig.client.transport, 0, &config,
				quic_rig.now_ns, &connection, NULL) == -EINVAL);
}

static void act(const struct piece *piece)
{
	switch (piece->kind % KINDS) {
	case DATAGRAM_TO_SERVER:
	case INITIAL_TO_SERVER:
	case HANDSHAKE_TO_SERVER:
		to_server(piece);
		break;
	case TIME:
		rig_run(&quic_rig, (piece->size ? piece->bytes[0] : 1) * 10 * RIG_MS);
		break;
	case ANSWERS:
		quic_way.hold = !quic_way.hold;
		break;
	case CHANGES:
		plan_changes(piece);
		break;
	case SESSION:
		resume_with(piece);
		break;
	default:
		to_client(piece);
	}
}

static void adjust(void)
{
	quic_rig.client.config.early_data = quic_rig.server.config.early_data = true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct pieces input = {data, data + size};
	struct piece piece;

	number = 0;
	quic_begin(adjust);
	quic_way.hold = true;
	rig_connect(&quic_rig);
	rig_run(&quic_rig, RIG_MS);
	while (next_piece(&input, QUIC_INITIAL_BYTES, &piece))
		act(&piece);
	quic_way.hold = false;
	quic_close();
	return 0;
}
