/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A client and a server over a network in memory, under a clock of the test's own. What the
 * callbacks say is kept in struct rig_side.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stoq/transport.h>

#include "datapath/memory.h"
#include "transport/endpoint.h"

#define RIG_MS 1000000ull
#define RIG_S  1000000000ull

struct rig_side {
	struct rig *rig;
	struct stoq_transport_config config;
	struct stoq_transport *transport;
	struct stoq_datapath *datapath;
	struct stoq_address address;

	struct stoq_connection *connection; /* the last that was there; NULL when it is closed */
	unsigned int accepted, connected, closed;
	struct stoq_close_info close;
	struct stoq_stream *stream; /* the last that the peer opened */
	unsigned int streams_opened, streams_closed, finished, resets, stops, writable, available;
	uint64_t stream_code; /* of the last reset */
	uint64_t close_code;  /* of the last stream_closed() */

	uint64_t received; /* bytes */
	uint64_t hash;	   /* of them, in order, over all streams */
	size_t take_max;   /* what received() takes at most at a time; SIZE_MAX: all */
	bool echo;	   /* send back what comes */
	unsigned int datagrams, datagrams_arrived, datagrams_lost;
	size_t last_datagram;
	uint8_t *session; /* the last one */
	size_t session_size;
	unsigned int warnings;
	char log[1024]; /* the last line */

	/* A test's own behaviour; called after the above. */
	void (*on_stream)(struct rig_side *side, struct stoq_stream *stream);
	void (*on_connection)(struct rig_side *side, struct stoq_connection *connection);
};

struct rig {
	struct stoq_memory_network *network;
	uint64_t now_ns;
	struct rig_side client, server;
};

/* Where the certificates of "server.test" and "client.test" are; made once. */
const char *rig_file(const char *name);

/* A rig with usual configurations, nothing running yet. */
void rig_prepare(struct rig *rig, uint64_t seed);
/* Makes both transports. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
/* One side anew, after its configuration or its datapath was changed. */
void rig_start_side(struct rig_side *side);
void rig_stop_side(struct rig_side *side);

/* The client's way to the server; the second with the session that it has been given. */
struct stoq_connect_config rig_connect_config(const struct rig *rig);
struct stoq_connect_config rig_resume_config(const struct rig *rig);
/* Begins to connect. */
struct stoq_connection *rig_connect(struct rig *rig);
struct stoq_connection *rig_connect_as(struct rig *rig, const struct stoq_connect_config *config);
/* Fails the test if that takes more than ten seconds. */
void rig_wait_connected(struct rig *rig);
/* Both. */
void rig_connected(struct rig *rig);
/* The same from the start of both, over a path of 1 ms each way. */
void rig_start_connected(struct rig *rig);
/* Conditions for rig_run_until(): that side's connection is over. */
bool rig_client_closed(struct rig *rig);
bool rig_server_closed(struct rig *rig);

/* Both sides work until the condition holds or the time is over; whether it holds. */
bool rig_run_until(struct rig *rig, bool (*condition)(struct rig *rig), uint64_t limit_ns);
void rig_run(struct rig *rig, uint64_t duration_ns);

/* A datagram from anywhere to anywhere, at once. */
void rig_inject(struct rig *rig, const struct stoq_address *from, const struct stoq_address *to,
	const uint8_t *bytes, size_t size);

/* Links of both directions. */
void rig_set_link(struct rig *rig, const struct stoq_memory_link *link);

/* Conditions. */
bool rig_both_connected(struct rig *rig);
bool rig_both_closed(struct rig *rig);

/* Bytes that depend on their place, and the hash that a receiver of them has. */
void rig_fill(uint8_t *data, size_t size, uint64_t offset);
uint64_t rig_hash(uint64_t hash, const uint8_t *data, size_t size);

struct stoq_transport_metrics rig_metrics(const struct rig_side *side);

/* Nothing is held any more but what idle transports hold. */
void rig_assert_idle(struct rig *rig);
