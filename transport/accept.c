// SPDX-License-Identifier: BSD-2-Clause
#include "transport/accept.h"

/*
 * Packets that belong to no connection: new ones, other versions, and leftovers of connections we
 * know nothing of any more. Until an address is proven nothing is kept for it beyond the limit of
 * half-open connections, and nothing larger than what came is sent there.
 */
#include <gnutls/crypto.h>
#include <string.h>

#include "transport/connection.h"
#include "transport/connection_end.h"
#include "transport/connection_open.h"
#include "transport/connection_work.h"
#include "transport/counter.h"
#include "transport/endpoint.h"
#include "transport/refusal.h"
#include "transport/worker.h"

#define RESETS_PER_SECOND	   100
#define NEGOTIATIONS_PER_SECOND	   1000
#define REFUSALS_LOGGED_PER_SECOND 1
#define RETRY_TOKEN_LIFETIME_NS	   (10 * NGTCP2_SECONDS)
#define TOKEN_LIFETIME_NS	   (3600ull * NGTCP2_SECONDS)
#define INITIAL_BYTES_MIN	   1200
/* RFC 9000, section 10.3: looks like any packet, but is shorter than what it answers, if need be.
 */
#define RESET_BYTES		   41
#define RESET_BYTES_MIN		   (NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN)
#define ANSWER_BYTES		   512

/* A packet that may become a connection. */
struct first_packet {
	const struct stoq_batch *datagram;
	const uint8_t *data;
	size_t size;
	ngtcp2_pkt_hd header;
};

static void drop(struct stoq_worker *worker)
{
	stoq_counter_add(&worker->metrics.packets_dropped, 1);
}

static void answer(
	struct stoq_worker *worker, const struct stoq_batch *to, const uint8_t *packet, size_t size)
{
	uint8_t *out = stoq_outbox_reserve(worker, size);

	if (!out)
		return;
	memcpy(out, packet, size);
	stoq_outbox_commit(worker, NULL, size, &to->local, &to->remote, STOQ_ECN_NOT_ECT);
}

/* ---- stateless answers ---- */

static void negotiate_version(struct stoq_worker *worker, const struct stoq_batch *datagram,
	size_t size, const ngtcp2_version_cid *ids)
{
	static const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
	uint8_t packet[ANSWER_BYTES + 2 * UINT8_MAX], unused;
	ngtcp2_ssize written;

	if (size < INITIAL_BYTES_MIN ||
		!stoq_rate_take(
			&worker->negotiation_rate, NEGOTIATIONS_PER_SECOND, worker->now_ns) ||
		gnutls_rnd(GNUTLS_RND_NONCE, &unused, sizeof(unused)) < 0) {
		drop(worker);
		return;
	}
	written = ngtcp2_pkt_write_version_negotiation(packet, sizeof(packet), unused, ids->scid,
		ids->scidlen, ids->dcid, ids->dcidlen, versions, 1);
	if (written <= 0)
		return;
	stoq_counter_add(&worker->metrics.version_negotiations_sent, 1);
	answer(worker, datagram, packet, written);
}

/* For packets of connections that an earlier transport with the same port had, and the like. */
static void reset_stateless(struct stoq_worker *worker, const struct stoq_batch *datagram,
	size_t size, const ngtcp2_version_cid *ids)
{
	struct stoq_transport *transport = worker->transport;
	uint8_t packet[ANSWER_BYTES], token[NGTCP2_STATELESS_RESET_TOKENLEN];
	uint8_t noise[RESET_BYTES - NGTCP2_STATELESS_RESET_TOKENLEN];
	size_t noise_size =
		(size > RESET_BYTES ? RESET_BYTES : size - 1) - NGTCP2_STATELESS_RESET_TOKENLEN;
	ngtcp2_ssize written;
	ngtcp2_cid cid;

	/* Shorter than what came: two endpoints must not answer each other without end. */
	if (size <= RESET_BYTES_MIN || ids->dcidlen != STOQ_CID_BYTES ||
		!stoq_rate_take(&worker->reset_rate, RESETS_PER_SECOND, worker->now_ns)) {
		drop(worker);
		return;
	}
	ngtcp2_cid_init(&cid, ids->dcid, ids->dcidlen);
	if (ngtcp2_crypto_generate_stateless_reset_token(
		    token, transport->reset_secret, sizeof(transport->reset_secret), &cid) ||
		gnutls_rnd(GNUTLS_RND_NONCE, noise, sizeof(noise)) < 0)
		return;
	written =
		ngtcp2_pkt_write_stateless_reset(packet, sizeof(packet), token, noise, noise_size);
	if (written <= 0)
		return;
	stoq_counter_add(&worker->metrics.stateless_resets_sent, 1);
	answer(worker, datagram, packet, written);
}

static void refuse(struct stoq_worker *worker, const struct first_packet *first, uint64_t code,
	const char *reason)
{
	const ngtcp2_pkt_hd *header = &first->header;
	uint8_t packet[ANSWER_BYTES];
	ngtcp2_ssize size = ngtcp2_crypto_write_connection_close(packet, sizeof(packet),
		header->version, &header->scid, &header->dcid, code, (const uint8_t *)reason,
		strlen(reason));

	stoq_counter_add(&worker->metrics.refused, 1);
	if (size > 0)
		answer(worker, first->datagram, packet, size);
}

static void refuse_one_more(struct stoq_worker *worker, const struct first_packet *first,
	bool address_proven, const char *reason)
{
	if (stoq_rate_take(&worker->refusal_log_rate, REFUSALS_LOGGED_PER_SECOND, worker->now_ns))
		stoq_transport_log(worker->transport, STOQ_LOG_WARNING,
			"a connection was refused: %s. Raise the limit, or have fewer", reason);
	refuse(worker, first, NGTCP2_CONNECTION_REFUSED, reason);
	stoq_refusal_of_packet(worker, &first->datagram->remote, address_proven,
		NGTCP2_CONNECTION_REFUSED, reason);
}

static void send_retry(struct stoq_worker *worker, const struct first_packet *first)
{
	struct stoq_transport *transport = worker->transport;
	const struct stoq_address *remote = &first->datagram->remote;
	const ngtcp2_pkt_hd *header = &first->header;
	uint8_t packet[ANSWER_BYTES], token[256];
	ngtcp2_ssize token_size, size;
	ngtcp2_cid scid;

	if (stoq_cid_make(&scid, &transport->cid_key, worker->index, transport->worker_count))
		return;
	token_size = ngtcp2_crypto_generate_retry_token(token, transport->token_secret,
		sizeof(transport->token_secret), header->version, &remote->sa, remote->length,
		&scid, &header->dcid, worker->now_ns);
	if (token_size < 0)
		return;
	size = ngtcp2_crypto_write_retry(packet, sizeof(packet), header->version, &header->scid,
		&scid, &header->dcid, token, token_size);
	if (size <= 0)
		return;
	stoq_counter_add(&worker->metrics.retries_sent, 1);
	answer(worker, first->datagram, packet, size);
}

/* ---- tokens ---- */

enum token { NO_TOKEN, RETRY_TOKEN, ADDRESS_TOKEN, BAD_TOKEN };

/* original: what the client called us before our Retry. */
static enum token check_token(
	struct stoq_worker *worker, const struct first_packet *first, ngtcp2_cid *original)
{
	struct stoq_transport *transport = worker->transport;
	const struct stoq_address *remote = &first->datagram->remote;
	const ngtcp2_pkt_hd *header = &first->header;
	const uint8_t *token = STOQ_NGTCP2_TOKEN(header);
	size_t size = STOQ_NGTCP2_TOKEN_BYTES(header);

	if (!size)
		return NO_TOKEN;
	if (token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY)
		return ngtcp2_crypto_verify_retry_token(original, token, size,
			       transport->token_secret, sizeof(transport->token_secret),
			       header->version, &remote->sa, remote->length, &header->dcid,
			       RETRY_TOKEN_LIFETIME_NS, worker->now_ns)
			       ? BAD_TOKEN
			       : RETRY_TOKEN;
	if (ngtcp2_crypto_verify_regular_token(token, size, transport->token_secret,
		    sizeof(transport->token_secret), &remote->sa, remote->length, TOKEN_LIFETIME_NS,
		    worker->now_ns))
		return NO_TOKEN;
	return ADDRESS_TOKEN;
}

static bool must_prove_address(const struct stoq_worker *worker)
{
	const struct stoq_transport_config *config = &worker->settings->config;

	switch (config->retry) {
	case STOQ_RETRY_ALWAYS:
		return true;
	case STOQ_RETRY_UNDER_LOAD:
		return worker->half_open >= config->retry_half_open;
	default:
		return false;
	}
}

/* Why there may be no more connections; NULL: there may. */
static const char *full(const struct stoq_worker *worker)
{
	const struct stoq_transport_config *config = &worker->settings->config;

	if (worker->connection_count >=
		stoq_transport_share(worker->transport, config->max_connections))
		return "max_connections are open";
	if (worker->half_open >= stoq_transport_share(worker->transport, config->max_half_open))
		return "max_half_open handshakes are unfinished";
	if (!stoq_budget_admits(&worker->budget))
		return "max_memory_bytes are in use";
	return NULL;
}

/* ---- a new connection ---- */

static void start(struct stoq_worker *worker, struct first_packet *first, enum token token,
	const ngtcp2_cid *original)
{
	struct stoq_connection *connection = stoq_connection_new(worker, true);
	struct stoq_server_start how = {
		.header = &first->header,
		.original_dcid = token == RETRY_TOKEN ? original : &first->header.dcid,
		.retry_scid = token == RETRY_TOKEN ? &first->header.dcid : NULL,
		.local = &first->datagram->local,
		.remote = &first->datagram->remote,
	};

	if (!connection) {
		drop(worker);
		return;
	}
	/* A token that proves nothing must not lift the limit on what is sent. */
	if (token == NO_TOKEN)
		STOQ_NGTCP2_NO_TOKEN(&first->header);
	if (stoq_connection_start_server(connection, &how)) {
		drop(worker);
		stoq_connection_free(connection);
		return;
	}
	stoq_connection_receive(connection, first->datagram, first->data, first->size);
}

static void accept_first(struct stoq_worker *worker, struct first_packet *first)
{
	ngtcp2_cid original;
	enum token token = check_token(worker, first, &original);
	const char *reason;

	if (token == BAD_TOKEN) {
		refuse(worker, first, NGTCP2_INVALID_TOKEN, "");
		return;
	}
	if (token == NO_TOKEN && must_prove_address(worker)) {
		send_retry(worker, first);
		return;
	}
	reason = full(worker);
	if (reason) {
		refuse_one_more(worker, first, token != NO_TOKEN, reason);
		return;
	}
	start(worker, first, token, &original);
}

void stoq_accept_packet(struct stoq_worker *worker, const struct stoq_batch *datagram,
	const uint8_t *data, size_t size, const ngtcp2_version_cid *ids, int decoded)
{
	struct first_packet first = {.datagram = datagram, .data = data, .size = size};
	bool listens = worker->settings->config.listen && !worker->stopped;

	if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION) {
		if (listens)
			negotiate_version(worker, datagram, size, ids);
		return;
	}
	/* The short header's form bit. */
	if (!(data[0] & 0x80)) {
		reset_stateless(worker, datagram, size, ids);
		return;
	}
	if (!listens || size < INITIAL_BYTES_MIN || ngtcp2_accept(&first.header, data, size)) {
		drop(worker);
		return;
	}
	accept_first(worker, &first);
}
