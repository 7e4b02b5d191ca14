/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What `stoq watch` starts stoq-quic for: `records serve` and `records fetch`, whose command lines are made by
 * tool/watch/link.c and not by people.
 */
#include <stddef.h>
#include <stdint.h>
#include <stoq/transport.h>

#define RECORDS_ALPN	    "stoq-record/1"
#define RECORDS_ALLOWED_MAX 64
#define RECORDS_PATH	    512

struct records_options {
	const char *host; /* where to listen, or to connect to */
	uint16_t port;
	const char *name; /* that the other end's certificate must have; fetch */
	const char *
		allowed[RECORDS_ALLOWED_MAX]; /* serve: who may read; none: the authority's nodes */
	size_t allowed_count;
	char ca[RECORDS_PATH], certificate[RECORDS_PATH], key[RECORDS_PATH], crl[RECORDS_PATH];
};

/* 0: go on. Else the verb ends, with *status. */
int records_options_parse(struct records_options *options, int argc, char **argv, int *status);

/* What both ends set alike. The strings of options are used until the transport is made. */
void records_configure(struct stoq_transport_config *config, const struct records_options *options);
