/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A transport whose packets are seen and changed on their way, and strangers who send to its server
 * what they like.
 */
#include <stdbool.h>

#include "tests/quic/initial.h"
#include "tests/unit/transport/rig.h"

/* A datagram that was seen. */
struct stranger_seen {
	uint8_t bytes[2048];
	size_t size;
};

/* What goes through the filters. */
struct stranger_way {
	struct stranger_seen first; /* of the client */
	struct stranger_seen last;  /* of the server */
	uint64_t server_bytes, server_datagrams;
	struct stoq_address counted; /* only to this one; length 0: to all */
	bool hold_client;	     /* nothing of the client arrives */
	bool change_alpn;
};

extern struct stranger_way stranger_way;
extern struct rig stranger_rig;
extern uint32_t stranger_seed;

/* Before and after each test; a test starts the rig when it has changed what it wants. */
int stranger_setup(void **state);
int stranger_teardown(void **state);
void stranger_start(void);

/* ---- sending as somebody ---- */

struct stoq_address stranger_address(const char *text);
void stranger_send(const char *from, const uint8_t *bytes, size_t size);
void stranger_random_bytes(uint8_t *bytes, size_t size);
void stranger_random_cid(struct quic_cid *cid, size_t size);

/* What a client's first packet says, with its ClientHello; the client itself gives up. */
void stranger_take_hello(struct quic_initial *hello);

/* The same ClientHello in a packet of a connection of its own. */
size_t stranger_hello(uint8_t datagram[static QUIC_INITIAL_BYTES], struct quic_initial *hello);
void stranger_hello_from(const char *address, struct quic_initial *hello);
void stranger_hello_from_anywhere(struct quic_initial *hello);

/* Who is welcome is served, and nothing is left of anybody. */
void stranger_expect_service(void);
