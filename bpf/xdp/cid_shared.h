/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The connection IDs that our endpoints choose for themselves (16 bytes, RFC 9000 section 5.1):
 *
 *   byte 0      the worker that owns the connection: byte 0 modulo the number of workers
 *   bytes 1-7   random
 *   bytes 8-15  a tag: SipHash-2-4 of bytes 0-7 with a key that the endpoint makes at its start
 *
 * A sender without the key cannot make up a connection ID that an endpoint would take for its
 * own. So the sender of a packet that carries a sealed one has received a packet of ours
 * (or saw one go by), which distinguishes peers from a flood with forged addresses, without any
 * table. The key stays on the machine: in the endpoint and in the XDP program's configuration.
 *
 * Both sides include this. The 8 bytes are taken in the machine's own byte order.
 */
#include <linux/types.h>

#define STOQ_CID_BYTES 16

struct stoq_cid_key {
	__u64 words[2]; /* both 0: there is no key */
};

struct stoq_cid {
	__u64 random; /* byte 0: the worker */
	__u64 tag;
};

struct stoq_cid_siphash {
	__u64 v0, v1, v2, v3;
};

static inline __attribute__((always_inline)) __u64 stoq_cid_rotate(__u64 value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static inline __attribute__((always_inline)) void stoq_cid_round(struct stoq_cid_siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = stoq_cid_rotate(s->v1, 13) ^ s->v0;
	s->v3 = stoq_cid_rotate(s->v3, 16) ^ s->v2;
	s->v0 = stoq_cid_rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = stoq_cid_rotate(s->v1, 17) ^ s->v2;
	s->v3 = stoq_cid_rotate(s->v3, 21) ^ s->v0;
	s->v2 = stoq_cid_rotate(s->v2, 32);
}

static inline __attribute__((always_inline)) void stoq_cid_absorb(
	struct stoq_cid_siphash *s, __u64 word)
{
	s->v3 ^= word;
	stoq_cid_round(s);
	stoq_cid_round(s);
	s->v0 ^= word;
}

/* SipHash-2-4 of eight bytes. */
static inline __attribute__((always_inline)) __u64 stoq_cid_tag(
	const struct stoq_cid_key *key, __u64 random)
{
	struct stoq_cid_siphash s = {
		.v0 = key->words[0] ^ 0x736f6d6570736575ull,
		.v1 = key->words[1] ^ 0x646f72616e646f6dull,
		.v2 = key->words[0] ^ 0x6c7967656e657261ull,
		.v3 = key->words[1] ^ 0x7465646279746573ull,
	};

	stoq_cid_absorb(&s, random);
	stoq_cid_absorb(&s, 8ull << 56); /* the length */
	s.v2 ^= 0xff;
	stoq_cid_round(&s);
	stoq_cid_round(&s);
	stoq_cid_round(&s);
	stoq_cid_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* Of a connection ID's first byte. The socket datapath's program goes by the same rule. */
static inline __attribute__((always_inline)) __u32 stoq_cid_worker(
	__u8 first_byte, __u32 worker_count)
{
	return worker_count > 1 ? first_byte % worker_count : 0;
}
