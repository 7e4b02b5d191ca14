/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the fuzzers of the transport share: a client and a server on a network in memory, and
 * packets that need no keys: packet protection is replaced (--wrap) by one that changes nothing and
 * finds every packet authentic. So every byte of the input reaches the parsers.
 *
 * The two transports live as long as the process: to read certificates takes longer than to run
 * most inputs. Of an input nothing is left when the next one begins, which quic_close() requires,
 * and our random numbers begin anew: what happens depends on the input only.
 */
#include "pieces.h"
#include "require.h"
#include "tests/quic/initial.h"
#include "tests/unit/transport/rig.h"

/* What the two have last sent to each other, as datagrams. */
#define QUIC_CHANGES 8

/* A byte of a datagram that is on its way becomes another. */
struct quic_change {
	uint8_t datagrams; /* so many pass before it */
	uint8_t bits;	   /* 0: no change */
	uint16_t offset;   /* modulo its size */
};

struct quic_way {
	struct quic_change changes[QUIC_CHANGES];
	uint8_t bytes[2][65536];
	size_t size[2];
	bool hold; /* nothing of the two arrives */
};

#define FROM_CLIENT 0
#define FROM_SERVER 1

extern struct quic_way quic_way;
extern struct rig quic_rig;

/*
 * Both sides are idle, with settings that make much happen; all goes through quic_way. The first
 * call makes them, and adjust() may change their settings before.
 */
void quic_begin(void (*adjust)(void));
/* Connects them; from the second time on by a session, without certificates. */
void quic_connect(void);
/* Closes what is open, waits until both have forgotten it, requires that nothing is left. */
void quic_close(void);

/* A datagram as if the other side had sent it, and a little time for what follows. */
void quic_inject(int from, const uint8_t *bytes, size_t size);

/* An address that nobody has. */
void quic_inject_stranger(const uint8_t *bytes, size_t size);

/* Writes four bytes. */
uint8_t *quic_put_number(uint8_t *at, uint32_t number);
