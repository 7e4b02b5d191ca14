/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Host end: which of several paths a QUIC connection takes. A path begins at one of our addresses; the first is the preferred one.
 * When nothing is heard on it although an answer is due, the connection tries the others; when it is elsewhere, it tries the
 * preferred one again every now and then. A path that was tried is taken once it has proven to work (RFC 9000, 9.3),
 * so a try costs a packet each way. When all were tried in vain, the connection leaves for one of them without a proof: a target end that
 * has used up its congestion window on a path whose packets do not arrive cannot answer elsewhere until it is reached from there.
 * Pure: times are arguments.
 */
#include <stdbool.h>
#include <stdint.h>

#define STOQ_PATHS_MAX	       8
/* Silence of an answer that is due: a few round trips, and more than a peer's delay of acknowledgements (25 ms). */
#define STOQ_PATH_SILENCE_NS   100000000ull
#define STOQ_PATH_SILENCE_RTTS 4
/*
 * From one of the first attempts to the next; later ones wait for longer and longer. An attempt takes a connection ID, of which
 * there are six until something is heard again: they have to do for half a minute.
 */
#define STOQ_PATH_TRY_NS       250000000ull
/* Nothing is wrong any more, even if nothing was acknowledged. */
#define STOQ_PATH_CALM_NS      1000000000ull
#define STOQ_PATH_BACK_NS                                                                          \
	5000000000ull /* the preferred one is tried again; doubled if it fails soon */
#define STOQ_PATH_BACK_MAX_NS 60000000000ull
#define STOQ_PATH_SOON_NS     30000000000ull
/* How often stoq_path_choice_next() is due; after a longer pause of the process, silence means nothing. */
#define STOQ_PATH_LOOK_NS     25000000ull

struct stoq_path_choice {
	unsigned int count;    /* of paths */
	unsigned int current;  /* count: none of them */
	int trying;	       /* -1: none */
	unsigned int attempts; /* whose connection IDs may not be replaced yet; of these, */
	unsigned int in_vain;  /* tries since the last that left */
	bool arrived;	       /* on a path that is not proven yet */
	uint64_t tried_ns, arrived_ns, waiting_since_ns, looked_ns, calm_since_ns;
	uint64_t back_due_ns, back_pause_ns;
	uint64_t moves; /* since the connection was made */
};

struct stoq_path_view {
	uint64_t now_ns;
	unsigned int current; /* the path in use, count: another one */
	bool answer_due;      /* packets are not acknowledged yet */
	uint64_t heard_ns;    /* the last packet came */
	uint64_t round_trip_ns;
	bool proven; /* something was acknowledged on it, so connection IDs can be replaced */
};

enum stoq_path_step {
	STOQ_PATH_STAY,
	STOQ_PATH_TRY,	 /* this path, which is taken if it answers */
	STOQ_PATH_LEAVE, /* for this path, at once */
};

/* A connection has been made, over this path. */
void stoq_path_choice_init(
	struct stoq_path_choice *choice, unsigned int count, unsigned int current, uint64_t now_ns);
/* What to do now; *path is set unless that is to stay. */
enum stoq_path_step stoq_path_choice_next(
	struct stoq_path_choice *choice, const struct stoq_path_view *view, unsigned int *path);
