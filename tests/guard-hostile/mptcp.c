// SPDX-License-Identifier: BSD-2-Clause
#include "tests/guard-hostile/mptcp.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#define KIND	       30
#define MP_CAPABLE     0x01 /* subtype 0, version 1 */
#define DSS	       0x20
#define USE_SHA256     0x01
#define DSS_HAS_ACK    0x03 /* of 8 bytes */
#define DSS_HAS_MAP    0x0c
#define NO_OPERATION   1
#define SEGMENT_OPTION 28

static const uint8_t our_key[8] = "hostile";
static uint8_t their_key[8];
static uint64_t our_first, their_first; /* data sequence numbers of the first bytes */
static bool agreed;

static void put64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* RFC 8684 3.1: the initial data sequence number is the low half of the key's hash. */
static uint64_t first_of(const uint8_t key[static 8])
{
	uint8_t digest[32];
	uint64_t value = 0;

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, key, 8, digest))
		abort();
	for (int i = 24; i < 32; i++)
		value = value << 8 | digest[i];
	return value + 1;
}

static void add_capable(struct packet *packet, uint8_t length)
{
	uint8_t *option = packet->options;

	memset(option, NO_OPERATION, sizeof(packet->options));
	option[0] = KIND;
	option[1] = length;
	option[2] = MP_CAPABLE;
	option[3] = USE_SHA256;
	memcpy(option + 4, our_key, sizeof(our_key));
	memcpy(option + 12, their_key, sizeof(their_key));
	packet->option_bytes = length;
}

static void add_dss(const struct raw *raw, struct packet *packet, uint64_t data_place)
{
	uint8_t *option = packet->options;
	uint32_t subflow = packet->sequence - raw->first + 1;

	memset(option, NO_OPERATION, sizeof(packet->options));
	option[0] = KIND;
	option[1] = packet->payload_bytes ? 26 : 12;
	option[2] = DSS;
	option[3] = DSS_HAS_ACK | (packet->payload_bytes ? DSS_HAS_MAP : 0);
	put64(option + 4, their_first + raw->received_bytes);
	packet->option_bytes = 12;
	if (!packet->payload_bytes)
		return;
	put64(option + 12, our_first + data_place);
	for (int i = 0; i < 4; i++)
		option[20 + i] = (uint8_t)(subflow >> (24 - 8 * i));
	option[24] = (uint8_t)(packet->payload_bytes >> 8);
	option[25] = (uint8_t)packet->payload_bytes;
	option[26] = option[27] = NO_OPERATION;
	packet->option_bytes = SEGMENT_OPTION;
}

static void decorate(const struct raw *raw, struct packet *packet)
{
	if (packet->flags & PACKET_SYN)
		add_capable(packet, 4);
	else if (agreed && !(packet->flags & PACKET_RST))
		add_dss(raw, packet, packet->sequence - raw->first);
}

void mptcp_use(struct raw *raw)
{
	agreed = false;
	our_first = first_of(our_key);
	raw->decorate = decorate;
}

bool mptcp_agreed(struct raw *raw)
{
	const uint8_t *option = raw->synack_options, *end = option + raw->synack_option_bytes;
	struct packet third;

	while (option < end && option[0] > 1 && option + 1 < end && option[1] > 1 &&
		option[0] != KIND)
		option += option[1];
	while (option < end && option[0] == NO_OPERATION)
		option++;
	if (option + 12 > end || option[0] != KIND || option[1] != 12)
		return false;
	memcpy(their_key, option + 4, sizeof(their_key));
	their_first = first_of(their_key);
	third = raw_packet(raw, 0, PACKET_ACK, NULL, 0);
	add_capable(&third, 20);
	raw_emit(raw, &third);
	agreed = true;
	return true;
}

struct packet mptcp_packet(
	const struct raw *raw, uint32_t place, uint64_t data_place, const void *data, size_t bytes)
{
	struct packet packet = raw_packet(raw, place, PACKET_ACK | PACKET_PSH, data, bytes);

	add_dss(raw, &packet, data_place);
	return packet;
}
