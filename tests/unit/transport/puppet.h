/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A client that is authenticated and then does what a test likes: packets with any frames, to any of the server's connection IDs, from any
 * address. Packet protection is replaced by one that changes nothing (--wrap, tests/quic/unprotected.c), so what the server sends is read
 * here, and what it sends to addresses that it has not validated is counted.
 */
#include "tests/unit/transport/rig.h"
#include "transport/cid.h"

#define PUPPET_PLACES	  8 /* addresses of the client */
#define PUPPET_IDS	  64
#define PUPPET_CHALLENGES 64
#define PUPPET_PACKETS	  65536 /* of the server, whose arrival is kept */

struct puppet_place {
	struct stoq_address address;
	bool validated;	   /* it answered a challenge that was sent there */
	uint64_t sent;	   /* bytes, by the server before it was validated */
	uint64_t received; /* bytes, from there */
};

struct puppet_id {
	uint64_t number;
	uint8_t bytes[STOQ_CID_BYTES];
	bool retired;
};

struct puppet_challenge {
	uint8_t data[8];
	unsigned int place; /* that it was sent to */
};

struct puppet {
	struct rig rig;
	struct puppet_place places[PUPPET_PLACES];
	unsigned int place_count;
	/* What is lost of what the server sends to a place. */
	bool unreachable[PUPPET_PLACES];

	/* Ours, which the server sends to; and the server's. */
	struct puppet_id ours[PUPPET_IDS], theirs[PUPPET_IDS];
	unsigned int our_count, their_count;
	uint64_t retire_prior_to;
	unsigned int retirements; /* RETIRE_CONNECTION_ID frames that came */
	uint64_t next_number;	  /* of ours */

	struct puppet_challenge challenges[PUPPET_CHALLENGES];
	unsigned int challenge_count;

	uint32_t packet; /* number of the next one */
	uint64_t largest;
	bool arrived[PUPPET_PACKETS];
	uint64_t packets;      /* that the server has sent */
	uint64_t stream_bytes; /* offset that its stream has come to */
	uint64_t too_much;     /* datagrams above three times what has come */
	bool on;
};

extern struct puppet puppet;
/* What a client advertises and calls itself; 0: as usual. */
extern unsigned int puppet_id_limit;
extern bool puppet_without_id;

/* Both are connected; from then on the client is the puppet, which has given no other ID yet. */
void puppet_start(uint64_t seed);
void puppet_stop(void);
/* Returns its number. */
unsigned int puppet_add_place(const char *text);

/* ---- frames; each returns where it ends ---- */

uint8_t *puppet_ping(uint8_t *at);
uint8_t *puppet_ack(uint8_t *at);
uint8_t *puppet_new_id(uint8_t *at, uint64_t number, uint64_t retire_prior_to);
uint8_t *puppet_retire(uint8_t *at, uint64_t number);
uint8_t *puppet_path(uint8_t *at, bool response, const uint8_t data[8]);
uint8_t *puppet_credit(uint8_t *at, int64_t stream);

/* A packet with these frames, and with PADDING up to a datagram of that size. */
void puppet_send(unsigned int place, unsigned int their_id, const uint8_t *frames, size_t size,
	size_t datagram_bytes);
/* A datagram as it is. */
void puppet_send_raw(unsigned int place, const uint8_t *bytes, size_t size);

/* For so long, the client is at one place and does what it has to there. */
void puppet_behave(unsigned int place, uint64_t duration_ns);
