/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The command lines of `stoq tunnel listen` and `stoq tunnel connect`. */
#include "tool/metrics_options.h"
#include "tool/options.h"
#include "tunnel/tunnel.h"

#define TUNNEL_PEERS_MAX    64
#define TUNNEL_PATH_BYTES   544
#define TUNNEL_METRICS_PORT 9422

struct tunnel_options {
	struct stoq_tunnel_config tunnel;
	const char *certificates; /* a folder as `stoq pki issue` makes it */
	/* Its files. */
	char ca[TUNNEL_PATH_BYTES], certificate[TUNNEL_PATH_BYTES], key[TUNNEL_PATH_BYTES];
	char crl[TUNNEL_PATH_BYTES];
	const char *peers[TUNNEL_PEERS_MAX]; /* names that may connect */
	unsigned int peer_count;
	char bind[STOQ_ADDRESS_TEXT]; /* QUIC's own address */
	const char *status;	      /* path of the status socket; NULL: none */
	struct tool_metrics metrics;
	bool has_address; /* --listen or --connect was given */
};

extern const char tunnel_help[];

/* 0: go on. Else the verb ends, with *status. */
int tunnel_options_parse(int argc, char **argv, enum stoq_tunnel_end end,
	struct tunnel_options *options, int *status);

/* The parts of it, for options that come from a file: defaults, one option, what is missing. */
void tunnel_options_begin(struct tunnel_options *options, enum stoq_tunnel_end end);
const struct option *tunnel_options_table(enum stoq_tunnel_end end);
int tunnel_options_take(
	struct tunnel_options *options, int option, const char *text, struct stoq_error *error);
int tunnel_options_complete(struct tunnel_options *options, struct stoq_error *error);
