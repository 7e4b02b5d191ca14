/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The command line of `stoq bench transport`. */
#include <stdbool.h>
#include <stdint.h>

#include <stoq/transport.h>

#include "datapath/address.h"

enum bench_role { BENCH_BOTH, BENCH_LISTEN, BENCH_CONNECT };
enum bench_mode { BENCH_THROUGHPUT, BENCH_REQUESTS };

struct bench_options {
	enum bench_role role;
	enum bench_mode mode;
	bool ping; /* requests, one at a time */
	struct stoq_address address;
	bool sends, receives; /* throughput: from the client's side */
	uint64_t duration_ns, warmup_ns;
	uint32_t connections;
	uint32_t streams; /* of each connection, and in each direction */
	uint32_t request_bytes, response_bytes;
	bool spin;
	bool insecure;
	bool json;
	uint32_t workers; /* the server's */
	enum stoq_congestion_control congestion_control;
	bool no_pacing;
	uint32_t max_payload_bytes; /* 0: the transport's default */
	uint64_t window_bytes;	    /* 0: the transport's default */
	uint32_t busy_poll_us;
	enum stoq_datapath_kind datapath;
	const char *interface;
	bool xdp_filter;
	enum stoq_filter_place filter_place;
	const char *certificates; /* a folder as `stoq pki issue` makes it */
	const char *name;	  /* that the server's certificate must have */
	int cpus[2];		  /* client's and server's, of both; -1: any */
};

extern const char bench_help[];
/* 0: go on. Else the verb ends, with *status. */
int bench_parse(int argc, char **argv, struct bench_options *options, int *status);
