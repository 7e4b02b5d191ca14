/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The client of `stoq bench transport`, which measures. */
#include "base/histogram.h"
#include "tool/bench/identity.h"
#include "tool/bench/options.h"
#include "tool/bench/wire.h"

/* What was measured. */
struct bench_results {
	uint64_t elapsed_ns;
	uint64_t sent_bytes, sent_elapsed_ns; /* as the server counted what it got, by its clock */
	uint64_t received_bytes;
	uint64_t requests;
	struct stoq_histogram latency;
	struct bench_cpu client, server;
	uint64_t server_elapsed_ns;
	struct stoq_connection_info connection; /* the first one, at the end */
	struct stoq_transport_metrics before, after;
	struct stoq_ebpf_status ebpf; /* of the client, at the end */
};

/* Connects, measures, closes. */
int bench_measure(const struct bench_options *options, struct bench_identity *identity,
	struct bench_results *results, struct stoq_error *error);
