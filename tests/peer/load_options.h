/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The command line of peer-load. */
#include "tests/peer/session.h"
#include "tests/peer/worker.h"

struct peer_load_options {
	struct peer_session_config session;
	struct peer_workload_config workload; /* what Identify tells is left at 0 */
	struct peer_worker_config worker;
	uint64_t count; /* commands of all queues together; UINT64_MAX: no limit */
	uint32_t threads;
	uint64_t duration_ns; /* 0: until count is reached */
	uint32_t repeat;      /* sessions, one after the other */
	bool control;	      /* takes commands on stdin */
	bool json;
};

/* 0; 1: help was printed; -EINVAL: said on stderr. */
int peer_load_parse(struct peer_load_options *options, int argc, char **argv);
