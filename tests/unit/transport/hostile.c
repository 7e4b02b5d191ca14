// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/transport/hostile.h"

#include <gnutls/gnutls.h>

#include "transport/cid.h"
#include "transport/connection.h"
#include "transport/frames.h"
#include "transport/ngtcp2_compat.h"
#include "transport/protection/protection.h"
#include "transport/varint.h"

struct hostile hostile;

int __real_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size);
ngtcp2_ssize __real_ngtcp2_conn_encode_local_transport_params(
	ngtcp2_conn *quic, uint8_t *out, size_t size);
/* ngtcp2's TLS library refers to it, too. */
__attribute__((visibility("default"))) ngtcp2_ssize
__wrap_ngtcp2_conn_encode_local_transport_params(ngtcp2_conn *quic, uint8_t *out, size_t size);
int __real_gnutls_alpn_set_protocols(gnutls_session_t tls, const gnutls_datum_t *protocols,
	unsigned int count, unsigned int flags);
int __wrap_gnutls_alpn_set_protocols(gnutls_session_t tls, const gnutls_datum_t *protocols,
	unsigned int count, unsigned int flags);
int __real_gnutls_alpn_get_selected_protocol(gnutls_session_t tls, gnutls_datum_t *protocol);
int __wrap_gnutls_alpn_get_selected_protocol(gnutls_session_t tls, gnutls_datum_t *protocol);

/* ---- packets ---- */

static int kind_of(uint8_t first)
{
	return first & 0x80 ? (first >> 4 & 3) : HOSTILE_ONE_RTT;
}

/* Of a long header the destination's length comes first. */
static bool is_to(const struct rig_side *side, const uint8_t *header)
{
	const uint8_t *cid = header[0] & 0x80 ? header + 6 : header + 1;

	return stoq_cid_is_ours(&side->transport->cid_key, cid, STOQ_CID_BYTES);
}

static bool is_chosen(const uint8_t *header)
{
	if (!hostile.times || kind_of(header[0]) != (int)hostile.packet ||
		is_to(&hostile.rig->client, header) != hostile.from_server)
		return false;
	if (hostile.skip) {
		hostile.skip--;
		return false;
	}
	return true;
}

int __wrap_stoq_packet_seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	uint8_t changed[65536];

	if (associated_size < 1 + STOQ_CID_BYTES || size < hostile.size || !is_chosen(associated))
		return __real_stoq_packet_seal(
			key, out, plain, size, nonce, associated, associated_size);
	hostile.times--;
	hostile.sent++;
	memcpy(changed, plain, size);
	if (!hostile.append)
		memset(changed, 0, size); /* PADDING */
	/* At the end, so that what is cut off is cut off. */
	memcpy(changed + size - hostile.size, hostile.frames, hostile.size);
	return __real_stoq_packet_seal(key, out, changed, size, nonce, associated, associated_size);
}

void hostile_reset(struct rig *rig)
{
	hostile = (struct hostile){.rig = rig};
}

void hostile_send(bool from_server, const uint8_t *frames, size_t size)
{
	static const uint8_t data[1150];
	struct rig *rig = hostile.rig;
	struct stoq_connection *connection =
		from_server ? rig->server.connection : rig->client.connection;
	struct stoq_stream *stream;

	assert_in_range(size, 1, sizeof(hostile.frames));
	hostile.from_server = from_server;
	hostile.packet = HOSTILE_ONE_RTT;
	hostile.times = 1;
	hostile.sent = 0;
	memcpy(hostile.frames, frames, size);
	hostile.size = size;
	/* Something has to be sent, and as large as what takes its place. */
	assert_int_equal(stoq_stream_open(connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), 0), sizeof(data));
	rig_run(rig, 10 * RIG_MS);
	assert_int_equal(hostile.sent, 1);
}

size_t hostile_crypto(uint8_t *frame, uint64_t offset, const uint8_t *data, size_t size)
{
	uint8_t *at = frame;

	*at++ = 0x06;
	stoq_varint_put(&at, offset);
	stoq_varint_put(&at, size);
	memcpy(at, data, size);
	return (size_t)(at - frame) + size;
}

/* ---- TLS ---- */

/* Of those whose number is one byte; bytes that are left. */
static ngtcp2_ssize remove_parameter(uint8_t *parameters, ngtcp2_ssize bytes, uint8_t which)
{
	const uint8_t *at = parameters, *end = parameters + bytes, *begin;
	uint64_t id, size;

	while (at < end) {
		begin = at;
		assert_true(stoq_varint_get(&at, end, &id) && stoq_varint_get(&at, end, &size));
		at += size;
		if (id != which)
			continue;
		memmove(parameters + (begin - parameters), at, (size_t)(end - at));
		return bytes - (at - begin);
	}
	return bytes;
}

ngtcp2_ssize __wrap_ngtcp2_conn_encode_local_transport_params(
	ngtcp2_conn *quic, uint8_t *out, size_t size)
{
	ngtcp2_ssize written = __real_ngtcp2_conn_encode_local_transport_params(quic, out, size);

	if (!ngtcp2_conn_is_server(quic) != !hostile.from_server || written < 0)
		return written;
	if (hostile.parameters_instead)
		written = remove_parameter(out, written, hostile.parameters[0]);
	memcpy(out + written, hostile.parameters, hostile.parameters_size);
	return written + (ngtcp2_ssize)hostile.parameters_size;
}

int __wrap_gnutls_alpn_get_selected_protocol(gnutls_session_t tls, gnutls_datum_t *protocol)
{
	const ngtcp2_crypto_conn_ref *reference = gnutls_session_get_ptr(tls);
	const struct stoq_connection *connection = reference->user_data;

	/* A server that selects none does not mind. */
	if (hostile.no_alpn && connection->server && strcmp(hostile.no_alpn, "server") == 0)
		return 0;
	return __real_gnutls_alpn_get_selected_protocol(tls, protocol);
}

int __wrap_gnutls_alpn_set_protocols(gnutls_session_t tls, const gnutls_datum_t *protocols,
	unsigned int count, unsigned int flags)
{
	if (hostile.no_alpn && strlen(hostile.no_alpn) == protocols[0].size &&
		memcmp(hostile.no_alpn, protocols[0].data, protocols[0].size) == 0)
		return 0;
	return __real_gnutls_alpn_set_protocols(tls, protocols, count, flags);
}
