/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The host's end of a TCP connection, in user space. It can behave (raw_open(), raw_send(),
 * raw_wait()), and at any moment send whatever it likes (raw_packet(), raw_emit()): nothing
 * keeps its state from being a lie. Waiting answers what comes in with acknowledgements unless
 * `mute`.
 */
#include "tests/guard-hostile/tap.h"

#define RAW_RECEIVED_MAX (1u << 20)
#define RAW_AGAIN_MS	 150 /* an honest retransmission */
#define RAW_TRIES	 14
#define RAW_SEGMENT	 1400 /* payload that fits into an MTU of 1500 with all options */

struct raw {
	const struct tap *tap;
	struct packet form;    /* what its packets begin as: ports, tags, options */
	uint32_t first;	       /* sequence number of our first byte */
	uint32_t next;	       /* of what raw_send() will send */
	uint32_t acknowledged; /* by the target */
	uint32_t their_first, expected;
	bool synchronised; /* SYN and ACK has come */
	bool finished, reset;
	bool mute;	/* acknowledges nothing */
	uint32_t tries; /* of what honest sending does until it gives up, at RAW_AGAIN_MS */
	uint8_t *received;
	size_t received_bytes, taken;
	uint32_t synacks, duplicate_acks; /* how many have come */
	/* Changes every packet that is made, to add options, say; may be NULL. */
	void (*decorate)(const struct raw *raw, struct packet *packet);
	uint8_t synack_options[PACKET_OPTIONS_MAX]; /* what came with SYN and ACK */
	uint8_t synack_option_bytes;
};

/* A connection from this port, nothing is sent. raw_free() is due. */
void raw_init(struct raw *raw, const struct tap *tap, uint16_t port, uint32_t first);
void raw_free(struct raw *raw);
/* Three packets. False: no answer. */
bool raw_open(struct raw *raw);
/* The first two of them. */
bool raw_syn(struct raw *raw);
/* The third, or any other ACK without data. */
void raw_answer(const struct raw *raw);
/* RST, so that the target forgets it. */
void raw_abort(struct raw *raw);

/* A segment with this place in the stream (0: the first byte), everything else as it should be. */
struct packet raw_packet(
	const struct raw *raw, uint32_t place, uint8_t flags, const void *payload, size_t bytes);
void raw_emit(const struct raw *raw, const struct packet *packet);
/* Both in one: data with ACK, however long; raw->next stays where it is. */
void raw_put(const struct raw *raw, uint32_t place, const void *payload, size_t bytes);
/* The place of raw->next. */
uint32_t raw_place(const struct raw *raw);

/*
 * Sends honestly: in segments, again while they are not acknowledged. False: reset, or not
 * acknowledged after so many tries.
 */
bool raw_send(struct raw *raw, const void *payload, size_t bytes);
/* Takes what comes in for so many milliseconds. */
void raw_wait(struct raw *raw, int milliseconds);
/* Until so many bytes have been received that were not taken. */
bool raw_wait_bytes(struct raw *raw, size_t bytes, int milliseconds);
/* Until the target has acknowledged up to there. */
bool raw_wait_acknowledged(struct raw *raw, uint32_t place, int milliseconds);
