// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/xdp_model.h"

#include <arpa/inet.h>
#include <string.h>

/* Bytes that are read one after the other. `bad` stays set once something was missing. */
struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t read_be(struct reader *reader, size_t bytes)
{
	uint64_t value = 0;

	if (reader->bad || (size_t)(reader->end - reader->at) < bytes) {
		reader->bad = true;
		return 0;
	}
	while (bytes--)
		value = value << 8 | *reader->at++;
	return value;
}

static const uint8_t *skip(struct reader *reader, uint64_t bytes)
{
	const uint8_t *from = reader->at;

	if (reader->bad || (uint64_t)(reader->end - reader->at) < bytes) {
		reader->bad = true;
		return NULL;
	}
	reader->at += bytes;
	return from;
}

static size_t left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static uint64_t read_varint(struct reader *reader)
{
	uint8_t first = (uint8_t)read_be(reader, 1);
	uint64_t rest = read_be(reader, (1u << (first >> 6)) - 1);

	return (uint64_t)(first & 0x3f) << 8 * ((1u << (first >> 6)) - 1) | rest;
}

/* ---- who may ---- */

static bool matches(const struct stoq_xdp_prefix *prefix, const uint8_t *address)
{
	for (uint32_t bit = 0; bit < prefix->bits; bit++)
		if ((prefix->address[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static bool any_matches(
	const struct stoq_xdp_prefix *prefixes, size_t count, const uint8_t *address)
{
	for (size_t i = 0; i < count; i++)
		if (matches(&prefixes[i], address))
			return true;
	return false;
}

/* STOQ_XDP_VERDICTS: nothing against it. */
static enum stoq_xdp_verdict check_source(const struct xdp_model *model, const uint8_t *address)
{
	if (any_matches(model->deny, model->deny_count, address))
		return STOQ_XDP_DROP_DENIED;
	if (model->allow_count && !any_matches(model->allow, model->allow_count, address))
		return STOQ_XDP_DROP_NOT_ALLOWED;
	return STOQ_XDP_VERDICTS;
}

static bool take_one(uint32_t *taken, uint32_t burst)
{
	if (!burst)
		return true;
	if (*taken >= burst)
		return false;
	++*taken;
	return true;
}

static enum stoq_xdp_verdict admit_unproven(struct xdp_model *model)
{
	return take_one(&model->unproven_taken, model->unproven_burst) ? STOQ_XDP_PASS_UNPROVEN
								       : STOQ_XDP_DROP_UNPROVEN;
}

/* ---- IP and UDP ---- */

struct datagram {
	struct stoq_xdp_tuple tuple;
	const uint8_t *payload;
	size_t bytes;
};

static bool is_our_address(const struct xdp_model *model, const uint8_t *address)
{
	return !(model->flags & STOQ_XDP_ONE_ADDRESS) ||
	       memcmp(model->local, address, sizeof(model->local)) == 0;
}

/* STOQ_XDP_VERDICTS: it is for us, and complete. */
static enum stoq_xdp_verdict take_udp(const struct xdp_model *model, struct reader *frame,
	const uint8_t *ip_end, struct datagram *datagram)
{
	const uint8_t *start = frame->at;
	uint16_t source = (uint16_t)read_be(frame, 2), port = (uint16_t)read_be(frame, 2);
	uint16_t length = (uint16_t)read_be(frame, 2);

	read_be(frame, 2);
	if (frame->bad || !model->ports[port] || !is_our_address(model, datagram->tuple.local))
		return STOQ_XDP_PASS_OTHER;
	datagram->tuple.remote_port = htons(source);
	datagram->tuple.local_port = htons(port);
	datagram->payload = frame->at;
	datagram->bytes = length > 8 ? length - 8u : 0;
	return length <= 8 || start + length > ip_end || ip_end > frame->end ? STOQ_XDP_DROP_LENGTH
									     : STOQ_XDP_VERDICTS;
}

/* The first fragment of a datagram; of others only the first one says which port it is for. */
static enum stoq_xdp_verdict take_fragment(
	struct xdp_model *model, struct reader *frame, struct datagram *datagram)
{
	enum stoq_xdp_verdict verdict = take_udp(model, frame, frame->end + UINT16_MAX, datagram);

	if (verdict == STOQ_XDP_PASS_OTHER)
		return STOQ_XDP_PASS_FRAGMENT;
	verdict = check_source(model, datagram->tuple.remote);
	if (verdict == STOQ_XDP_VERDICTS)
		verdict = admit_unproven(model);
	return verdict == STOQ_XDP_PASS_UNPROVEN ? STOQ_XDP_PASS_FRAGMENT : verdict;
}

static void take_ipv4_address(uint8_t address[static 16], const uint8_t *bytes)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, bytes, 4);
}

static enum stoq_xdp_verdict take_ipv4(
	struct xdp_model *model, struct reader *frame, struct datagram *datagram)
{
	const uint8_t *ip = skip(frame, 20);
	size_t header, total;

	if (!ip || ip[9] != 17)
		return STOQ_XDP_PASS_OTHER;
	if ((ip[6] & 0x1f) || ip[7])
		return STOQ_XDP_PASS_FRAGMENT;
	header = (ip[0] & 15) * 4u;
	total = (size_t)ip[2] << 8 | ip[3];
	if (ip[0] >> 4 != 4 || header < 20 || total < header)
		return STOQ_XDP_PASS_OTHER;
	skip(frame, header - 20);
	take_ipv4_address(datagram->tuple.remote, ip + 12);
	take_ipv4_address(datagram->tuple.local, ip + 16);
	if (ip[6] & 0x20)
		return take_fragment(model, frame, datagram);
	return take_udp(model, frame, ip + total, datagram);
}

#define FRAGMENT_HEADER 44
#define EXTENSIONS_MAX	32

/* Hop-by-hop options, routing, fragment, destination options. */
static bool is_extension(uint8_t type)
{
	return type == 0 || type == 43 || type == FRAGMENT_HEADER || type == 60;
}

static enum stoq_xdp_verdict take_ipv6(
	struct xdp_model *model, struct reader *frame, struct datagram *datagram)
{
	const uint8_t *ip = skip(frame, 40), *end;
	bool fragment = false;
	uint8_t next;

	if (!ip || ip[0] >> 4 != 6)
		return STOQ_XDP_PASS_OTHER;
	end = ip + 40 + ((size_t)ip[4] << 8 | ip[5]);
	next = ip[6];
	for (int i = 0; is_extension(next); i++) {
		uint8_t type = next;
		uint64_t more, offset;

		if (i == EXTENSIONS_MAX)
			return STOQ_XDP_DROP_LENGTH;
		next = (uint8_t)read_be(frame, 1);
		more = read_be(frame, 1);
		offset = read_be(frame, 2);
		if (frame->bad)
			return fragment ? STOQ_XDP_PASS_FRAGMENT : STOQ_XDP_PASS_OTHER;
		if (type == FRAGMENT_HEADER && offset >> 3)
			return STOQ_XDP_PASS_FRAGMENT;
		fragment |= type == FRAGMENT_HEADER;
		skip(frame, type == FRAGMENT_HEADER ? 4 : more * 8 + 4);
	}
	if (next != 17)
		return fragment ? STOQ_XDP_PASS_FRAGMENT : STOQ_XDP_PASS_OTHER;
	memcpy(datagram->tuple.remote, ip + 8, 16);
	memcpy(datagram->tuple.local, ip + 24, 16);
	if (fragment)
		return take_fragment(model, frame, datagram);
	return take_udp(model, frame, end, datagram);
}

static enum stoq_xdp_verdict take_frame(
	struct xdp_model *model, struct reader *frame, struct datagram *datagram)
{
	uint16_t protocol;

	skip(frame, 12);
	protocol = (uint16_t)read_be(frame, 2);
	for (int i = 0; i < 2 && (protocol == 0x8100 || protocol == 0x88a8); i++) {
		skip(frame, 2);
		protocol = (uint16_t)read_be(frame, 2);
	}
	if (frame->bad)
		return STOQ_XDP_PASS_OTHER;
	if (protocol == 0x0800)
		return take_ipv4(model, frame, datagram);
	return protocol == 0x86dd ? take_ipv6(model, frame, datagram) : STOQ_XDP_PASS_OTHER;
}

/* ---- QUIC ---- */

enum kind { INITIAL, ZERO_RTT, HANDSHAKE, RETRY, SHORT, NEGOTIATION, OTHER_VERSION, BAD };

struct quic {
	enum kind kind;
	size_t cid_bytes;
	struct stoq_cid cid; /* if it has the right length */
};

/* One packet with a long header; reader is behind it then. */
static enum kind take_long(struct reader *reader, struct quic *quic)
{
	uint8_t first = (uint8_t)read_be(reader, 1);
	uint32_t version = (uint32_t)read_be(reader, 4);
	size_t dcid_bytes = read_be(reader, 1), scid_bytes;
	const uint8_t *dcid = skip(reader, dcid_bytes);
	enum kind kind = first >> 4 & 3;

	scid_bytes = read_be(reader, 1);
	skip(reader, scid_bytes);
	if (reader->bad)
		return BAD;
	quic->cid_bytes = dcid_bytes;
	if (dcid_bytes == STOQ_CID_BYTES)
		memcpy(&quic->cid, dcid, dcid_bytes);
	if (version == 0)
		return left(reader) && left(reader) % 4 == 0 ? NEGOTIATION : BAD;
	if (version != 1)
		return OTHER_VERSION;
	if (!(first & 0x40) || dcid_bytes > 20 || scid_bytes > 20)
		return BAD;
	if (kind == RETRY)
		return left(reader) > 16 ? RETRY : BAD;
	if (kind == INITIAL)
		skip(reader, read_varint(reader));
	uint64_t length = read_varint(reader);

	skip(reader, length);
	return length < 20 || reader->bad ? BAD : kind;
}

static void take_quic(const struct datagram *datagram, struct quic *quic)
{
	struct reader reader = {datagram->payload, datagram->payload + datagram->bytes, false};

	*quic = (struct quic){.kind = BAD};
	if (*datagram->payload & 0x80) {
		quic->kind = take_long(&reader, quic);
	} else if (*datagram->payload & 0x40 && datagram->bytes >= 21) {
		quic->kind = SHORT;
		quic->cid_bytes = STOQ_CID_BYTES;
		memcpy(&quic->cid, datagram->payload + 1, STOQ_CID_BYTES);
	}
}

/* ---- handshakes ---- */

static uint32_t *source_bucket(struct xdp_model *model, const uint8_t *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t network[16] = {0};

	memcpy(network, address, memcmp(address, mapped, sizeof(mapped)) ? 8 : 16);
	for (size_t i = 0; i < model->source_count; i++)
		if (memcmp(model->sources[i].network, network, sizeof(network)) == 0)
			return &model->sources[i].taken;
	memcpy(model->sources[model->source_count].network, network, sizeof(network));
	model->sources[model->source_count].taken = 0;
	return &model->sources[model->source_count++].taken;
}

static enum stoq_xdp_verdict admit(struct xdp_model *model, const struct datagram *datagram)
{
	if (model->total_burst && model->total_taken >= model->total_burst)
		return STOQ_XDP_DROP_TOTAL_RATE;
	if (!take_one(source_bucket(model, datagram->tuple.remote), model->source_burst))
		return STOQ_XDP_DROP_SOURCE_RATE;
	take_one(&model->total_taken, model->total_burst);
	return STOQ_XDP_PASS_INITIAL;
}

/* ---- connections ---- */

void xdp_model_reset(struct xdp_model *model)
{
	model->connection_count = model->open_count = model->source_count = 0;
	model->total_taken = model->unproven_taken = 0;
	model->opened = model->established = 0;
}

static struct xdp_model_connection *find(struct xdp_model *model, const struct stoq_cid *cid)
{
	for (size_t i = 0; i < model->connection_count; i++)
		if (memcmp(&model->connections[i].cid, cid, sizeof(*cid)) == 0)
			return &model->connections[i];
	return NULL;
}

struct xdp_model_connection *xdp_model_add(struct xdp_model *model, const struct stoq_cid *cid)
{
	size_t i = 0;

	while (i < model->connection_count && model->connections[i].cid.random != cid->random)
		i++;
	if (i == model->connection_count)
		model->connection_count++;
	model->connections[i].cid = *cid;
	return &model->connections[i];
}

static bool is_open(const struct xdp_model *model, const struct stoq_xdp_tuple *tuple)
{
	for (size_t i = 0; i < model->open_count; i++)
		if (memcmp(&model->opens[i], tuple, sizeof(*tuple)) == 0)
			return true;
	return false;
}

static bool is_sealed(const struct xdp_model *model, const struct quic *quic)
{
	return model->flags & STOQ_XDP_CHECK_CID && quic->cid_bytes == STOQ_CID_BYTES &&
	       stoq_cid_tag(&model->key, quic->cid.random) == quic->cid.tag;
}

static enum stoq_xdp_verdict passes(const struct quic *quic)
{
	return quic->kind == SHORT ? STOQ_XDP_PASS_ESTABLISHED : STOQ_XDP_PASS_HANDSHAKE;
}

static enum stoq_xdp_verdict follow(
	struct xdp_model *model, struct xdp_model_connection *connection, const struct quic *quic)
{
	if (connection->state == STOQ_XDP_CLOSED ||
		(connection->state == STOQ_XDP_CLOSING && connection->expired))
		return STOQ_XDP_DROP_CLOSED;
	if (quic->kind == SHORT && connection->state == STOQ_XDP_HANDSHAKING) {
		connection->state = STOQ_XDP_ESTABLISHED;
		model->established++;
	}
	return passes(quic);
}

/*
 * A short header comes first of a connection that is older than the filter, or goes on by another
 * ID; where IDs are not sealed also of one whose handshake came in datagrams that began with
 * Initials.
 */
static void add(struct xdp_model *model, const struct quic *quic, bool proven)
{
	bool counts = quic->kind != SHORT || (proven && !(model->flags & STOQ_XDP_CHECK_CID));
	struct xdp_model_connection *connection = xdp_model_add(model, &quic->cid);

	connection->state = quic->kind == SHORT ? STOQ_XDP_ESTABLISHED : STOQ_XDP_HANDSHAKING;
	connection->expired = false;
	model->opened += counts;
	model->established += counts && quic->kind == SHORT;
}

/* A client's first packet, or one of another version. */
static enum stoq_xdp_verdict open_connection(
	struct xdp_model *model, const struct datagram *datagram, const struct quic *quic)
{
	enum stoq_xdp_verdict verdict;

	if (!(model->flags & STOQ_XDP_ACCEPT))
		return admit_unproven(model);
	if (quic->kind == INITIAL && quic->cid_bytes < 8)
		return STOQ_XDP_DROP_QUIC;
	verdict = admit(model, datagram);
	if (verdict != STOQ_XDP_PASS_INITIAL)
		return verdict;
	if (quic->kind == OTHER_VERSION)
		return STOQ_XDP_PASS_VERSION;
	if (!is_open(model, &datagram->tuple))
		model->opens[model->open_count++] = datagram->tuple;
	return verdict;
}

static enum stoq_xdp_verdict introduce(
	struct xdp_model *model, const struct datagram *datagram, const struct quic *quic)
{
	bool checked = model->flags & STOQ_XDP_CHECK_CID, open = is_open(model, &datagram->tuple);
	bool proven = checked ? is_sealed(model, quic) : open && quic->kind != ZERO_RTT;
	enum stoq_xdp_verdict verdict;

	if (!proven && quic->kind == ZERO_RTT && open)
		return STOQ_XDP_PASS_HANDSHAKE;
	verdict = proven ? passes(quic) : admit_unproven(model);
	if (quic->cid_bytes == STOQ_CID_BYTES &&
		(proven || (!checked && quic->kind == SHORT && verdict == STOQ_XDP_PASS_UNPROVEN)))
		add(model, quic, proven);
	return verdict;
}

enum stoq_xdp_verdict xdp_model_run(struct xdp_model *model, const uint8_t *frame, size_t length)
{
	struct reader reader = {frame, frame + length, false};
	struct xdp_model_connection *connection = NULL;
	struct datagram datagram = {0};
	enum stoq_xdp_verdict verdict = take_frame(model, &reader, &datagram);
	struct quic quic;

	if (verdict != STOQ_XDP_VERDICTS)
		return verdict;
	take_quic(&datagram, &quic);
	if (quic.kind == BAD)
		return STOQ_XDP_DROP_QUIC;
	if (model->flags & STOQ_XDP_ACCEPT && datagram.bytes < 1200 &&
		(quic.kind == OTHER_VERSION || (quic.kind == INITIAL && !is_sealed(model, &quic))))
		return STOQ_XDP_DROP_SMALL;
	verdict = check_source(model, datagram.tuple.remote);
	if (verdict != STOQ_XDP_VERDICTS)
		return verdict;
	if (quic.cid_bytes == STOQ_CID_BYTES)
		connection = find(model, &quic.cid);
	if (connection)
		return follow(model, connection, &quic);
	if (quic.kind == OTHER_VERSION || (quic.kind == INITIAL && !is_sealed(model, &quic)))
		return open_connection(model, &datagram, &quic);
	return introduce(model, &datagram, &quic);
}
