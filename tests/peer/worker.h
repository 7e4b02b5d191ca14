/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A thread that keeps a group of I/O queues busy. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/peer/session.h"
#include "tests/peer/workload.h"

enum peer_run {
	PEER_RUN,
	PEER_PAUSE, /* submit nothing more; idle once all commands are completed */
	PEER_STOP,  /* the same, then end */
};

struct peer_worker_config {
	uint64_t rate; /* commands per second and queue; 0: no limit */
	bool spin;
};

struct peer_load {
	struct peer_queue *queue;
	struct peer_workload workload;
	struct peer_stats *stats;     /* the worker's */
	uint64_t left;		      /* commands to submit */
	uint64_t began_ns, submitted; /* for the rate */
};

struct peer_worker {
	struct peer_worker_config config;
	struct peer_load *loads;
	uint32_t load_count;
	struct peer_stats stats;
	uint8_t *buffer;
	pthread_t thread;
	bool started;
	const _Atomic(enum peer_run) *run; /* what main wants */
	atomic_bool idle;  /* nothing outstanding, nothing will be submitted; stats are still */
	atomic_bool ended; /* all queues have submitted and completed their count, or failed */
	uint64_t ended_ns;
	struct stoq_error error;
};

/*
 * The loads' queues, workloads and counts are set; the worker's config, run and load_count too.
 * 0 or a negative errno.
 */
int peer_worker_start(struct peer_worker *worker);
/* Waits for its end; frees what start allocated. */
void peer_worker_join(struct peer_worker *worker);
