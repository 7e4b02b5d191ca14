/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How large a UDP payload the path takes (RFC 8899): it starts with what QUIC promises, probes
 * upwards with datagrams that nobody misses, and falls back when large packets vanish. ngtcp2's
 * own probing ends at 1444 bytes in 0.12, so it is off. Pure: the caller sends and tells.
 */
#include <stdbool.h>
#include <stdint.h>

#define STOQ_PATH_SIZE_BASE 1200

struct stoq_path_size {
	uint32_t current;  /* packets are this large at most */
	uint32_t limit;	   /* nothing above is tried: interface, configuration, peer */
	uint32_t failed;   /* known not to pass; limit + 1: nothing is */
	uint32_t probing;  /* size of the probe under way, 0: none */
	uint32_t losses;   /* of probes of that size */
	uint64_t sent_ns;  /* the probe under way */
	uint64_t again_ns; /* a search that is over begins again then; 0: none is planned */
	bool enabled;
};

/* limit: see above. Not enabled: current is limit at once. */
void stoq_path_size_init(struct stoq_path_size *path, uint32_t limit, bool enabled);

/* The size of the probe to send now, 0: none. */
uint32_t stoq_path_size_probe(struct stoq_path_size *path, uint64_t now_ns);
/* The probe went out. */
void stoq_path_size_sent(struct stoq_path_size *path, uint32_t size, uint64_t now_ns);
/* A probe of that size has arrived, or is lost. That no one says either is possible, too. */
void stoq_path_size_acknowledged(struct stoq_path_size *path, uint32_t size);
void stoq_path_size_lost(struct stoq_path_size *path, uint32_t size);

/* Packets of the current size vanish, or were refused: back to the base; the search begins again. */
void stoq_path_size_black_hole(struct stoq_path_size *path);
