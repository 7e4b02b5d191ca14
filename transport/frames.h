/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The frames of a packet that was decrypted, looked at before ngtcp2 gets them: what RFC 9000
 * forbids in itself, whatever the connection's state, is found here and has the code that the RFC
 * names. ngtcp2 judges the rest. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 9000, 20.1. */
enum stoq_transport_code {
	STOQ_STREAM_STATE_ERROR = 0x05,
	STOQ_FRAME_ENCODING_ERROR = 0x07,
	STOQ_TRANSPORT_PARAMETER_ERROR = 0x08,
	STOQ_PROTOCOL_VIOLATION = 0x0a,
	STOQ_CRYPTO_BUFFER_EXCEEDED = 0x0d,
	STOQ_CRYPTO_ERROR = 0x100, /* plus TLS's alert */
};

enum stoq_packet_kind { STOQ_INITIAL, STOQ_HANDSHAKE, STOQ_EARLY, STOQ_ONE_RTT };

struct stoq_frame_rules {
	enum stoq_packet_kind kind;
	bool server;		     /* we are */
	uint64_t datagram_frame_max; /* largest DATAGRAM frame that we take, 0: none */
	int64_t next_bidirectional;  /* stream IDs that we use next: lower ones are open, or were */
	int64_t next_unidirectional;
};

struct stoq_frame_fault {
	enum stoq_transport_code code;
	uint64_t type;	    /* of the frame */
	const char *reason; /* a constant */
};

/* The first two are frames with which a server changes what a client's handshake still has to use. */
#define STOQ_SEEN_HANDSHAKE_DONE    1u
#define STOQ_SEEN_NEW_CONNECTION_ID 2u
#define STOQ_SEEN_CRYPTO	    4u

/* false: *fault is set. seen: STOQ_SEEN_... of what is in the packet. */
bool stoq_frames_check(const uint8_t *payload, size_t size, const struct stoq_frame_rules *rules,
	struct stoq_frame_fault *fault, unsigned int *seen);

/*
 * Of a packet that was checked: each NEW_CONNECTION_ID that take() refuses becomes a frame that means nothing, and is acknowledged and
 * leaves the path as it is like that one.
 */
void stoq_frames_filter_ids(uint8_t *payload, size_t size, enum stoq_packet_kind kind,
	bool (*take)(void *context, uint64_t number, uint64_t retire_prior_to), void *context);

/*
 * Where the only DATAGRAM frame of a packet of ours begins; NULL: there is none. Its header takes
 * *header_size bytes.
 */
uint8_t *stoq_frames_find_datagram(uint8_t *payload, size_t size, size_t *header_size);
