// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/raw.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define PEER_PORT_DEFAULT 4420

void raw_init(struct raw *raw, const struct tap *tap, uint16_t port, uint32_t first)
{
	*raw = (struct raw){
		.tap = tap, .form = tap->form, .first = first, .next = first, .tries = RAW_TRIES};
	raw->form.source_port = port;
	if (!raw->form.destination_port)
		raw->form.destination_port = PEER_PORT_DEFAULT;
	raw->acknowledged = first - 1;
	raw->received = malloc(RAW_RECEIVED_MAX);
	if (!raw->received)
		abort();
}

void raw_free(struct raw *raw)
{
	if (!raw->received)
		return;
	raw_abort(raw);
	free(raw->received);
	raw->received = NULL;
}

uint32_t raw_place(const struct raw *raw)
{
	return raw->next - raw->first;
}

struct packet raw_packet(
	const struct raw *raw, uint32_t place, uint8_t flags, const void *payload, size_t bytes)
{
	struct packet packet = raw->form;

	packet.sequence = raw->first + place;
	packet.acknowledged = flags & PACKET_ACK ? raw->expected : 0;
	packet.flags = flags;
	packet.payload = payload;
	packet.payload_bytes = bytes;
	if (raw->decorate)
		raw->decorate(raw, &packet);
	return packet;
}

void raw_emit(const struct raw *raw, const struct packet *packet)
{
	tap_send(raw->tap, packet);
}

void raw_put(const struct raw *raw, uint32_t place, const void *payload, size_t bytes)
{
	const uint8_t *at = payload;

	while (bytes) {
		size_t length = bytes < RAW_SEGMENT ? bytes : RAW_SEGMENT;
		struct packet packet = raw_packet(raw, place, PACKET_ACK | PACKET_PSH, at, length);

		raw_emit(raw, &packet);
		at += length;
		place += (uint32_t)length;
		bytes -= length;
	}
}

/* ---- what comes in ---- */

static bool is_ours(const struct raw *raw, const struct packet *packet)
{
	size_t address = raw->form.ipv6 ? 16 : 4;

	return packet->ipv6 == raw->form.ipv6 &&
	       packet->destination_port == raw->form.source_port &&
	       packet->source_port == raw->form.destination_port &&
	       !memcmp(packet->source, raw->form.destination, address) &&
	       !memcmp(packet->destination, raw->form.source, address);
}

void raw_answer(const struct raw *raw)
{
	struct packet packet = raw_packet(raw, raw_place(raw), PACKET_ACK, NULL, 0);

	if (!raw->mute)
		raw_emit(raw, &packet);
}

static void take_payload(struct raw *raw, const struct packet *packet)
{
	uint32_t old = raw->expected - packet->sequence;
	size_t fresh;

	if ((int32_t)old < 0 || old > packet->payload_bytes)
		return; /* a hole: it comes again */
	fresh = packet->payload_bytes - old;
	if (fresh > RAW_RECEIVED_MAX - raw->received_bytes)
		fresh = RAW_RECEIVED_MAX - raw->received_bytes;
	memcpy(raw->received + raw->received_bytes, (const uint8_t *)packet->payload + old, fresh);
	raw->received_bytes += fresh;
	raw->expected += (uint32_t)fresh;
	if (packet->flags & PACKET_FIN && fresh + old == packet->payload_bytes && !raw->finished) {
		raw->finished = true;
		raw->expected++;
	}
}

static void take(struct raw *raw, const struct packet *packet)
{
	if (packet->flags & PACKET_RST) {
		raw->reset = true;
		return;
	}
	if (packet->flags & PACKET_SYN) {
		raw->synacks++;
		raw->synchronised = true;
		raw->their_first = packet->sequence + 1;
		raw->expected = raw->their_first;
		raw->received_bytes = raw->taken = 0;
		memcpy(raw->synack_options, packet->options, packet->option_bytes);
		raw->synack_option_bytes = packet->option_bytes;
		return;
	}
	if (!raw->synchronised)
		return;
	if ((int32_t)(packet->acknowledged - raw->acknowledged) > 0)
		raw->acknowledged = packet->acknowledged;
	else if (!packet->payload_bytes)
		raw->duplicate_acks++;
	if (packet->payload_bytes || packet->flags & PACKET_FIN) {
		take_payload(raw, packet);
		raw_answer(raw);
	}
}

/* One packet at most. False: the time is over. */
static bool step(struct raw *raw, uint64_t end_ns)
{
	uint64_t now = stoq_clock_now_ns();
	struct packet packet;

	if (!tap_receive(raw->tap, &packet, now < end_ns ? (int)((end_ns - now) / 1000000) : 0))
		return false;
	if (is_ours(raw, &packet))
		take(raw, &packet);
	return true;
}

static uint64_t in_ms(int milliseconds)
{
	return stoq_clock_now_ns() + (uint64_t)milliseconds * 1000000;
}

void raw_wait(struct raw *raw, int milliseconds)
{
	uint64_t end = in_ms(milliseconds);

	while (step(raw, end))
		;
}

bool raw_wait_bytes(struct raw *raw, size_t bytes, int milliseconds)
{
	uint64_t end = in_ms(milliseconds);

	while (raw->received_bytes - raw->taken < bytes && !raw->reset && step(raw, end))
		;
	return raw->received_bytes - raw->taken >= bytes;
}

static bool has_acknowledged(const struct raw *raw, uint32_t place)
{
	return (int32_t)(raw->acknowledged - (raw->first + place)) >= 0;
}

bool raw_wait_acknowledged(struct raw *raw, uint32_t place, int milliseconds)
{
	uint64_t end = in_ms(milliseconds);

	while (!has_acknowledged(raw, place) && !raw->reset && step(raw, end))
		;
	return has_acknowledged(raw, place);
}

/* ---- an honest end ---- */

bool raw_syn(struct raw *raw)
{
	struct packet syn = raw_packet(raw, (uint32_t)-1, PACKET_SYN, NULL, 0);
	uint32_t before = raw->synacks;

	if (!syn.option_bytes) { /* MSS */
		static const uint8_t mss[] = {2, 4, 5, 0xb4};

		memcpy(syn.options, mss, sizeof(mss));
		syn.option_bytes = sizeof(mss);
	}
	raw->reset = raw->finished = false;
	for (int i = 0; (uint32_t)i < raw->tries && raw->synacks == before && !raw->reset; i++) {
		uint64_t end = in_ms(RAW_AGAIN_MS);

		raw_emit(raw, &syn);
		while (raw->synacks == before && !raw->reset && step(raw, end))
			;
	}
	raw->acknowledged = raw->first;
	return raw->synacks != before;
}

bool raw_open(struct raw *raw)
{
	if (!raw_syn(raw))
		return false;
	raw_answer(raw);
	return true;
}

void raw_abort(struct raw *raw)
{
	struct packet packet =
		raw_packet(raw, raw->acknowledged - raw->first, PACKET_RST | PACKET_ACK, NULL, 0);

	if (!raw->synchronised || raw->reset)
		return;
	raw_emit(raw, &packet);
	packet.sequence = raw->next;
	raw_emit(raw, &packet);
}

bool raw_send(struct raw *raw, const void *payload, size_t bytes)
{
	uint32_t from = raw_place(raw), end = from + (uint32_t)bytes;

	raw->next += (uint32_t)bytes;
	for (int i = 0; (uint32_t)i < raw->tries && !raw->reset; i++) {
		uint32_t done = raw->acknowledged - raw->first - from;

		if (done >= bytes)
			done = 0; /* an acknowledgement of before */
		raw_put(raw, from + done, (const uint8_t *)payload + done, bytes - done);
		if (raw_wait_acknowledged(raw, end, RAW_AGAIN_MS))
			return true;
	}
	return false;
}
