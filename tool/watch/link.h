/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What joins this watch to those of other nodes: stoq-quic, started as a child, with a socket between. It has QUIC and the
 * certificates; the watch has the record. Neither waits for the other.
 */
#include <stdio.h>
#include <sys/types.h>

#include "record/writer.h"

struct watch_node_options;

/* A child and its socket. */
struct watch_link {
	pid_t pid; /* 0: there is none */
	int fd;
};

/*
 * Starts to serve the record: once it returns 0, other nodes can connect. The writer is to be closed before the
 * link.
 */
int watch_link_serve(struct watch_link *link, struct stoq_record_writer **writer,
	const struct watch_node_options *options, struct stoq_error *error);

/* Whether a client has come since the last call, to which all connections are new. *ended: the child has. */
bool watch_link_has_news(struct watch_link *link, bool *ended);

/* Starts to fetch the record of the node; link->fd has its bytes. */
int watch_link_fetch(struct watch_link *link, const struct watch_node_options *options,
	struct stoq_error *error);

/* Closes the socket and waits for the child, which ends with that. */
void watch_link_close(struct watch_link *link);
