// SPDX-License-Identifier: BSD-2-Clause
/*
 * After the handshake: each side gets any frames that an authenticated peer may send, while its
 * application opens, writes, resets and closes. Nothing may stay when the connection has gone.
 */
#include "quic.h"

#include "transport/cid.h"
#include "transport/connection.h"
#include "transport/tls.h"

enum kind {
	FRAMES_TO_SERVER,
	FRAMES_TO_CLIENT,
	OPEN, /* by the client; the first byte says which kind */
	WRITE,
	RESET,
	STOP,
	DATAGRAM,
	UPDATE_KEYS,
	SHUTDOWN,
	TIME,
	KINDS,
};

#define STREAMS 8

/* By stream ID: they may have gone when we want to use them. */
static struct stoq_stream *streams[STREAMS];

static void on_stream(struct rig_side *side, struct stoq_stream *stream)
{
	side->echo = true;
}

static void forget_stream(struct stoq_stream *stream, uint64_t code, void *user)
{
	for (int i = 0; i < STREAMS; i++) {
		if (streams[i] == stream)
			streams[i] = NULL;
	}
}

static uint32_t number;

/* A packet of the application's: its number is that of the last one and some more. */
static void send_frames(int from, const struct piece *piece)
{
	uint8_t packet[2 * QUIC_INITIAL_BYTES], *at = packet;

	/* With a short header the peer's connection ID begins at the second byte. */
	if (quic_way.size[from] < 1 + STOQ_CID_BYTES || quic_way.bytes[from][0] & 0x80)
		return;
	number = (number + 64) & 0xffffff;
	*at++ = 0x43;
	memcpy(at, quic_way.bytes[from] + 1, STOQ_CID_BYTES);
	at += STOQ_CID_BYTES;
	at = quic_put_number(at, number);
	memcpy(at, piece->bytes, piece->size);
	at += piece->size;
	memset(at, 0, 16);
	quic_inject(from, packet, (size_t)(at - packet) + 16);
}

static void open_stream(uint8_t which)
{
	const enum stoq_stream_kind kind = which & 1 ? STOQ_UNIDIRECTIONAL : STOQ_BIDIRECTIONAL;
	struct stoq_stream **slot = &streams[(which >> 1) % STREAMS];

	if (!*slot && stoq_stream_open(quic_rig.client.connection, kind, slot))
		*slot = NULL;
}

static void use_stream(const struct piece *piece, uint8_t which)
{
	struct stoq_stream *stream = streams[(which >> 1) % STREAMS];

	if (!stream)
		return;
	if (piece->kind % KINDS == WRITE)
		stoq_stream_write(stream, piece->bytes, piece->size, which & 1 ? STOQ_FINISH : 0);
	else if (piece->kind % KINDS == RESET)
		stoq_stream_reset(stream, which);
	else
		stoq_stream_stop(stream, which);
}

/* What the client's application does. */
static void use(const struct piece *piece)
{
	const uint8_t which = piece->size ? piece->bytes[0] : 0;

	if (!quic_rig.client.connection)
		return;
	switch (piece->kind % KINDS) {
	case OPEN:
		open_stream(which);
		break;
	case DATAGRAM:
		stoq_connection_send_datagram(
			quic_rig.client.connection, piece->bytes, piece->size, NULL);
		break;
	case UPDATE_KEYS:
		stoq_connection_update_keys(quic_rig.client.connection);
		break;
	case SHUTDOWN:
		stoq_connection_shutdown(quic_rig.client.connection);
		break;
	default:
		use_stream(piece, which);
	}
}

static void act(const struct piece *piece)
{
	switch (piece->kind % KINDS) {
	case FRAMES_TO_SERVER:
		send_frames(FROM_CLIENT, piece);
		break;
	case FRAMES_TO_CLIENT:
		send_frames(FROM_SERVER, piece);
		break;
	case TIME:
		rig_run(&quic_rig, (piece->size ? piece->bytes[0] : 1) * 10 * RIG_MS);
		break;
	default:
		use(piece);
		rig_run(&quic_rig, RIG_MS);
	}
}

/* ---- a handshake that takes little time: that is another fuzzer's ---- */

void __wrap_stoq_tls_send_ticket(struct stoq_connection *connection);
void __real_stoq_tls_send_ticket(struct stoq_connection *connection);
int __wrap_stoq_tls_priorities(gnutls_priority_t *result);

/* One session serves for all inputs. */
void __wrap_stoq_tls_send_ticket(struct stoq_connection *connection)
{
	if (!connection->resumed)
		__real_stoq_tls_send_ticket(connection);
}

/* A client makes a key for each of the first groups that it offers. */
int __wrap_stoq_tls_priorities(gnutls_priority_t *result)
{
	return gnutls_priority_init(result,
		"NORMAL:-VERS-ALL:+VERS-TLS1.3:%DISABLE_TLS13_COMPAT_MODE:-CIPHER-ALL:"
		"+AES-128-GCM:-GROUP-ALL:+GROUP-X25519",
		NULL);
}

/* Who the peer is was decided before: certificates would only take time. */
static void adjust(void)
{
	quic_rig.client.config.tls.insecure = quic_rig.server.config.tls.insecure = true;
	quic_rig.client.config.callbacks.stream_closed = forget_stream;
	quic_rig.server.on_stream = on_stream;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct pieces input = {data, data + size};
	struct piece piece;

	number = 0;
	memset(streams, 0, sizeof(streams));
	quic_begin(adjust);
	quic_connect();
	while (next_piece(&input, QUIC_INITIAL_BYTES, &piece))
		act(&piece);
	quic_close();
	return 0;
}
