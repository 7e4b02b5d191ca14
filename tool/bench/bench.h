/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the files of `stoq bench transport` share. */
#include <stdbool.h>
#include <stdint.h>

#include <stoq/transport.h>

#include "base/histogram.h"
#include "datapath/address.h"

#define BENCH_CLIENT_NAME "client.bench.stoq" /* in certificates of its own making */
#define BENCH_SERVER_NAME "server.bench.stoq"

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
	const char *certificates; /* a folder as `stoq pki issue` makes it */
	const char *name;	  /* that the server's certificate must have */
	int cpus[2];		  /* client's and server's, of both; -1: any */
};

/* bench_options.c */
extern const char bench_help[];
/* 0: go on. Else the verb ends, with *status. */
int bench_parse(int argc, char **argv, struct bench_options *options, int *status);

#define BENCH_FOLDER_BYTES 512
#define BENCH_FILE_BYTES   (BENCH_FOLDER_BYTES + 32) /* of a file in it */

/* A folder with an end's certificates. */
struct bench_identity {
	char folder[BENCH_FOLDER_BYTES];
	char ca[BENCH_FILE_BYTES], certificate[BENCH_FILE_BYTES], key[BENCH_FILE_BYTES];
	char crl[BENCH_FILE_BYTES];
	bool has_crl;
	bool temporary; /* made here, removed by bench_identity_remove() */
};

/* bench_identity.c: a folder that is there; or a pair for who measures both ends, or nobody. */
void bench_identity_open(struct bench_identity *identity, const char *folder);
int bench_identity_make(struct bench_identity pair[static 2], struct stoq_error *error);
/* Once the transport has read it: so nothing is left, however the process ends. */
void bench_identity_remove(struct bench_identity *identity);

/* verb_bench.c: warnings go to stderr. */
void bench_say(enum stoq_log_level level, const char *text, void *user);
/* What both ends set alike. */
void bench_configure(struct stoq_transport_config *config, const struct bench_options *options,
	const struct bench_identity *identity);

/*
 * Once the transport is made: attaching, sockets, AF_XDP and the larger buffers needed rights; what
 * goes on needs none, also to fall back from AF_XDP. Threads that begin later have none either.
 */
int bench_drop_privileges(struct stoq_transport *transport, struct stoq_error *error);

/* bench_server.c: serves until SIGINT or SIGTERM. ready: gets the port once it listens; -1: none.
 */
int bench_serve(const struct bench_options *options, struct bench_identity *identity, int ready,
	struct stoq_error *error);

struct bench_cpu {
	uint64_t user_ns, system_ns;
};

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

/* bench_client.c: connects, measures, closes. */
int bench_measure(const struct bench_options *options, struct bench_identity *identity,
	struct bench_results *results, struct stoq_error *error);

/* bench_report.c: to stdout. */
int bench_print(const struct bench_options *options, const struct bench_results *results,
	struct stoq_error *error);

/* bench_wire.c */
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
