// SPDX-License-Identifier: BSD-2-Clause
#include "fuzz/tcp_model.h"

#include <string.h>

#include <linux/if_ether.h>
#include <netinet/in.h>

#define WINDOW	 65535u
#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10
#define FLAG_URG 0x20

struct segment {
	uint32_t sequence, end, acknowledged; /* end: FIN not counted */
	uint8_t flags;
	uint16_t urgent;
	const uint8_t *payload;
};

struct bytes {
	const uint8_t *at, *end;
};

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t load32(const uint8_t *at)
{
	return (uint32_t)load16(at) << 16 | load16(at + 2);
}

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t sum(uint32_t value, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		value += i % 2 ? bytes[i] : bytes[i] * 256u;
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return value;
}

/* ---- below TCP ---- */

/* Priority tags are taken off, however many; a VLAN that no device is for is another station's. */
static bool strip_ethernet(const struct tcp_model *model, struct bytes *packet)
{
	uint16_t protocol;

	if (packet->end - packet->at < ETH_HLEN || memcmp(packet->at, model->mac, ETH_ALEN) != 0)
		return false;
	protocol = load16(packet->at + 12);
	packet->at += ETH_HLEN;
	while (protocol == ETH_P_8021Q || protocol == ETH_P_8021AD) {
		if (packet->end - packet->at < 4 || load16(packet->at) & 0x0fff)
			return false;
		protocol = load16(packet->at + 2);
		packet->at += 4;
	}
	return protocol == (model->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
}

/* ip_rcv_core(), ip_rcv_options(): source routes are not taken (accept_source_route is 0). */
static bool has_source_route(const uint8_t *option, const uint8_t *end)
{
	while (option < end && *option) {
		if (*option == 1) {
			option++;
			continue;
		}
		if (*option == 131 || *option == 137 || option + 1 >= end || option[1] < 2)
			return true;
		option += option[1];
	}
	return false;
}

static bool strip_ipv4(const struct tcp_model *model, struct bytes *packet)
{
	const uint8_t *ip = packet->at;
	size_t header, total;

	if (packet->end - ip < 20)
		return false;
	header = (ip[0] & 15) * 4u;
	total = load16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || (size_t)(packet->end - ip) < total ||
		total < header || sum(0, ip, header) != 0xffff || load16(ip + 6) & 0x3fff ||
		ip[9] != IPPROTO_TCP)
		return false;
	packet->at = ip + header;
	packet->end = ip + total;
	return !has_source_route(ip + 20, ip + header) && !memcmp(ip + 12, model->host, 4) &&
	       !memcmp(ip + 16, model->target, 4);
}

/* A fragment that is the whole of its packet passes (RFC 6946), as the kernel has it. */
static bool strip_extension(struct bytes *packet, uint8_t *protocol)
{
	const uint8_t *at = packet->at;
	size_t length;

	if (packet->end - at < 8)
		return false;
	length = *protocol == IPPROTO_FRAGMENT ? 8 : (at[1] + 1) * 8u;
	if ((size_t)(packet->end - at) < length)
		return false;
	if (*protocol == IPPROTO_FRAGMENT && load16(at + 2) & 0xfff9)
		return false;
	if (*protocol == IPPROTO_ROUTING && at[3])
		return false; /* segments left */
	*protocol = at[0];
	packet->at = at + length;
	return true;
}

static bool strip_ipv6(const struct tcp_model *model, struct bytes *packet)
{
	const uint8_t *ip = packet->at;
	uint8_t protocol;
	size_t bytes;

	if (packet->end - ip < 40 || ip[0] >> 4 != 6)
		return false;
	bytes = load16(ip + 4);
	protocol = ip[6];
	if (!bytes || (size_t)(packet->end - ip) < 40 + bytes)
		return false;
	packet->at = ip + 40;
	packet->end = ip + 40 + bytes;
	if (protocol == IPPROTO_HOPOPTS && !strip_extension(packet, &protocol))
		return false;
	while (protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_ROUTING ||
		protocol == IPPROTO_FRAGMENT)
		if (!strip_extension(packet, &protocol))
			return false;
	return protocol == IPPROTO_TCP && !memcmp(ip + 8, model->host, 16) &&
	       !memcmp(ip + 24, model->target, 16);
}

static bool has_md5(const uint8_t *option, const uint8_t *end)
{
	while (option < end && *option) {
		if (*option == 1) {
			option++;
			continue;
		}
		if (option + 1 >= end || option[1] < 2)
			return false;
		if (*option == 19 || *option == 29)
			return true; /* RFC 2385, 5925: not on connections without */
		option += option[1];
	}
	return false;
}

static bool parse_tcp(
	const struct tcp_model *model, const struct bytes *packet, struct segment *segment)
{
	const uint8_t *tcp = packet->at;
	size_t bytes = (size_t)(packet->end - tcp), header, address = model->ipv6 ? 16 : 4;
	uint32_t value = IPPROTO_TCP + (uint32_t)bytes;

	if (packet->end - tcp < 20)
		return false;
	header = (tcp[12] >> 4) * 4u;
	value = sum(value, model->host, address);
	value = sum(value, model->target, address);
	if (header < 20 || header > bytes || sum(value, tcp, bytes) != 0xffff ||
		load16(tcp) != model->host_port || load16(tcp + 2) != model->target_port ||
		has_md5(tcp + 20, tcp + header))
		return false;
	*segment = (struct segment){
		.sequence = load32(tcp + 4),
		.end = load32(tcp + 4) + (uint32_t)(bytes - header),
		.acknowledged = load32(tcp + 8),
		.flags = tcp[13],
		.urgent = load16(tcp + 18),
		.payload = tcp + header,
	};
	return true;
}

/* ---- the stream ---- */

static void deliver(struct tcp_model *model, const uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++, model->expected++) {
		if (model->urgent && model->urgent_at == model->expected) {
			model->urgent = false; /* tcp_recvmsg_locked() passes over it */
			continue;
		}
		if (model->stream_bytes < TCP_MODEL_STREAM)
			model->stream[model->stream_bytes++] = bytes[i];
	}
}

static void remove_early(struct tcp_model *model, size_t index)
{
	model->early_count--;
	memmove(&model->early[index], &model->early[index + 1],
		(model->early_count - index) * sizeof(model->early[0]));
}

/* tcp_ofo_queue(): what was early, in its order, as far as it is next now. */
static void deliver_early(struct tcp_model *model)
{
	while (model->early_count && !after(model->early[0].sequence, model->expected)) {
		struct tcp_model_early *first = &model->early[0];

		if (after(first->end, model->expected))
			deliver(model, first->bytes + (model->expected - first->sequence),
				first->end - model->expected);
		remove_early(model, 0);
	}
}

/*
 * tcp_data_queue_ofo(): what is covered by an earlier one is dropped; one that begins where an
 * earlier one does and is longer takes its place; where two overlap, the one in front wins when
 * they are delivered.
 */
static void keep_early(struct tcp_model *model, const struct segment *segment)
{
	size_t at = 0;

	while (at < model->early_count && !after(model->early[at].sequence, segment->sequence)) {
		if (!after(segment->end, model->early[at].end))
			return;
		if (model->early[at].sequence == segment->sequence)
			break;
		at++;
	}
	while (at < model->early_count && !after(model->early[at].end, segment->end))
		remove_early(model, at);
	if (model->early_count == TCP_MODEL_EARLY ||
		segment->end - segment->sequence > sizeof(model->early[0].bytes))
		return;
	memmove(&model->early[at + 1], &model->early[at],
		(model->early_count - at) * sizeof(model->early[0]));
	model->early_count++;
	model->early[at].sequence = segment->sequence;
	model->early[at].end = segment->end;
	memcpy(model->early[at].bytes, segment->payload, segment->end - segment->sequence);
}

/* tcp_check_urg(); the stream is read at once, so that the next one may come. */
static void take_urgent(struct tcp_model *model, const struct segment *segment)
{
	uint32_t at = segment->sequence + segment->urgent - (segment->urgent ? 1 : 0);

	if (after(model->expected, at) || (model->urgent && !after(at, model->urgent_at)))
		return;
	model->urgent = true;
	model->urgent_at = at;
}

void tcp_model_forget(struct tcp_model *model)
{
	model->state = TCP_MODEL_LISTEN;
}

static enum tcp_model_answer take_data(struct tcp_model *model, const struct segment *segment)
{
	if (segment->flags & FLAG_URG)
		take_urgent(model, segment);
	if (after(segment->sequence, model->expected)) {
		if (segment->sequence != segment->end)
			keep_early(model, segment);
		return TCP_MODEL_ACK;
	}
	if (after(segment->end, model->expected)) {
		deliver(model, segment->payload + (model->expected - segment->sequence),
			segment->end - model->expected);
		deliver_early(model);
	}
	if (segment->flags & FLAG_FIN && segment->end == model->expected) {
		tcp_model_forget(model);
		return TCP_MODEL_FIN;
	}
	return segment->sequence != segment->end ? TCP_MODEL_ACK : TCP_MODEL_SILENCE;
}

/* ---- states ---- */

static enum tcp_model_answer listen_for(struct tcp_model *model, const struct segment *segment)
{
	if (segment->flags & FLAG_RST)
		return TCP_MODEL_SILENCE;
	if (segment->flags & FLAG_ACK)
		return TCP_MODEL_RST;
	if (!(segment->flags & FLAG_SYN) || segment->flags & FLAG_FIN)
		return TCP_MODEL_SILENCE;
	model->state = TCP_MODEL_SYN_RECEIVED;
	model->first = model->expected = segment->sequence + 1;
	model->sent = model->next_isn + 1;
	model->next_isn += 0x01234567;
	model->early_count = model->stream_bytes = 0;
	model->urgent = false;
	return TCP_MODEL_SYN_ACK;
}

/* tcp_sequence() */
static bool in_window(const struct tcp_model *model, const struct segment *segment)
{
	return !after(model->expected, segment->end) &&
	       !after(segment->sequence, model->expected + WINDOW);
}

/* tcp_ack(): never sent, or older than any window. */
static bool acknowledges(const struct tcp_model *model, const struct segment *segment)
{
	return segment->flags & FLAG_ACK && !after(segment->acknowledged, model->sent) &&
	       !after(model->sent - 2 * WINDOW, segment->acknowledged);
}

/* tcp_check_req() */
static enum tcp_model_answer wait_for_ack(struct tcp_model *model, const struct segment *segment)
{
	if (segment->flags & FLAG_SYN && segment->sequence + 1 == model->first &&
		!(segment->flags & (FLAG_RST | FLAG_ACK)))
		return TCP_MODEL_SYN_ACK;
	if (!in_window(model, segment))
		return segment->flags & FLAG_RST ? TCP_MODEL_SILENCE : TCP_MODEL_ACK;
	if (segment->flags & (FLAG_RST | FLAG_SYN)) {
		tcp_model_forget(model);
		return segment->flags & FLAG_RST ? TCP_MODEL_SILENCE : TCP_MODEL_RST;
	}
	if (!(segment->flags & FLAG_ACK))
		return TCP_MODEL_SILENCE;
	if (segment->acknowledged != model->sent)
		return TCP_MODEL_RST;
	model->state = TCP_MODEL_ESTABLISHED;
	model->begun++;
	return take_data(model, segment);
}

/* tcp_validate_incoming(), tcp_rcv_established() */
static enum tcp_model_answer go_on(struct tcp_model *model, const struct segment *segment)
{
	if (!in_window(model, segment))
		return segment->flags & FLAG_RST ? TCP_MODEL_SILENCE : TCP_MODEL_ACK;
	if (segment->flags & FLAG_RST) {
		if (segment->sequence != model->expected)
			return TCP_MODEL_ACK;
		tcp_model_forget(model);
		return TCP_MODEL_SILENCE;
	}
	if (segment->flags & FLAG_SYN)
		return TCP_MODEL_ACK;
	return acknowledges(model, segment) ? take_data(model, segment) : TCP_MODEL_SILENCE;
}

enum tcp_model_answer tcp_model_receive(
	struct tcp_model *model, const uint8_t *frame, size_t length)
{
	struct bytes packet = {frame, frame + length};
	struct segment segment;

	if (!strip_ethernet(model, &packet) ||
		!(model->ipv6 ? strip_ipv6(model, &packet) : strip_ipv4(model, &packet)) ||
		!parse_tcp(model, &packet, &segment))
		return TCP_MODEL_SILENCE;
	if (model->state == TCP_MODEL_LISTEN)
		return listen_for(model, &segment);
	if (model->state == TCP_MODEL_SYN_RECEIVED)
		return wait_for_ack(model, &segment);
	return go_on(model, &segment);
}
