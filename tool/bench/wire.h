/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What client and server of `stoq bench transport` send each other. */
#include <stdint.h>

#include <stoq/transport.h>

struct bench_cpu {
	uint64_t user_ns, system_ns;
};

struct bench_cpu bench_own_cpu(void);

/*
 * Every stream begins with this, from the client; numbers are little endian. What follows depends
 * on the kind; nothing is promised between versions.
 */
#define BENCH_HEADER_BYTES 16
#define BENCH_REPORT_BYTES 32
#define BENCH_MESSAGE_MAX  (64u << 20)

enum bench_kind {
	BENCH_SINK = 1, /* the server counts what it gets */
	BENCH_SOURCE,	/* the server sends as long as the connection lives */
	BENCH_ECHO,	/* for each request_bytes the server sends response_bytes */
	BENCH_REPORT,	/* the server answers with struct bench_report */
};

struct bench_header {
	enum bench_kind kind;
	uint32_t request_bytes, response_bytes;
};

struct bench_report {
	uint64_t now_ns;	 /* the server's clock */
	uint64_t received_bytes; /* by sinks, of this connection */
	struct bench_cpu cpu;	 /* of the server's process */
};

void bench_write_header(uint8_t out[static BENCH_HEADER_BYTES], const struct bench_header *header);
/* 0 or -EBADMSG. */
int bench_read_header(const uint8_t in[static BENCH_HEADER_BYTES], struct bench_header *header);
void bench_write_report(uint8_t out[static BENCH_REPORT_BYTES], const struct bench_report *report);
void bench_read_report(const uint8_t in[static BENCH_REPORT_BYTES], struct bench_report *report);

/* Writes zeros without copying, until the stream takes no more. */
void bench_pump(struct stoq_stream *stream);
/* Writes up to that many zeros; how many it wrote. */
uint64_t bench_write_zeros(struct stoq_stream *stream, uint64_t bytes);
