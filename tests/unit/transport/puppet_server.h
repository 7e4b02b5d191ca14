/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A server that is authenticated and then does what a test likes: packets with any frames, to any of the client's connection IDs. As with
 * puppet.h, packet protection is replaced by one that changes nothing.
 */
#include "tests/unit/transport/rig.h"
#include "transport/cid.h"

#define PUPPET_SERVER_IDS	 64
#define PUPPET_SERVER_CHALLENGES 64
#define PUPPET_SERVER_PACKETS	 262144 /* of the client, whose arrival is kept */

struct puppet_server_id {
	uint64_t number;
	uint8_t bytes[STOQ_CID_BYTES];
	bool retired;
};

struct puppet_server {
	struct rig rig;
	struct puppet_server_id theirs[PUPPET_SERVER_IDS];
	unsigned int their_count;
	uint8_t challenges[PUPPET_SERVER_CHALLENGES][8];
	unsigned int challenge_count;
	uint64_t retirements; /* of ours, each once */
	bool retired[PUPPET_SERVER_PACKETS];
	uint64_t responses; /* PATH_RESPONSE */
	uint64_t stream_frames;
	uint64_t given; /* NEW_CONNECTION_ID */

	struct stoq_address client; /* where its last packet came from */
	uint32_t packet;	    /* number of the next one */
	uint64_t largest;
	bool arrived[PUPPET_SERVER_PACKETS];
	uint64_t packets, bytes; /* that the client has sent */
	bool on;
	bool deaf; /* what the client sends is lost */
};

extern struct puppet_server puppet_server;

/* Before the handshake, for other configurations. */
void puppet_server_prepare(uint64_t seed);
/* Both are connected; from then on the server is the puppet. */
void puppet_server_start(void);
void puppet_server_stop(void);

/* The last ranges of what has arrived; where the frame ends. */
uint8_t *puppet_server_ack(uint8_t *at);
uint8_t *puppet_server_new_id(uint8_t *at, uint64_t number, uint64_t retire_prior_to);
/* An ID of the client that it has not been told to retire; SIZE_MAX would be none. */
unsigned int puppet_server_usable_id(void);
/* A packet with these frames. */
void puppet_server_send(unsigned int their_id, const uint8_t *frames, size_t size);
