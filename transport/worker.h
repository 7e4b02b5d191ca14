/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One thread's share of a transport: a datapath, connections, timers, buffers. */
#include <pthread.h>
#include <stoq/transport.h>
#include <time.h>

#include "base/histogram.h"
#include "base/list.h"
#include "datapath/datapath.h"
#include "transport/alarms.h"
#include "transport/budget.h"
#include "transport/cid.h"
#include "transport/inbox.h"
#include "transport/outbox.h"
#include "transport/pool.h"
#include "transport/rate.h"
#include "transport/settings.h"
#include "transport/timers.h"

#define STOQ_RECEIVE_BUFFERS 16

struct stoq_worker_metrics {
	/* Changed with stoq_counter_add(), as all but the histogram. */
	uint64_t handshaking, open, closing;
	uint64_t accepted, connected, closed, failed, refused, resumed;
	uint64_t retries_sent, version_negotiations_sent, stateless_resets_sent;
	uint64_t streams_opened, streams_closed;
	uint64_t key_updates, migrations;
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
	uint64_t packets_dropped, packets_handed_on, send_errors, packets_retransmitted;
	uint64_t packet_sizes[6], packet_sizes_received[6];
	uint64_t datapath_dropped_sending, datapath_dropped_receiving;
	uint64_t datapath_looked_ns; /* when these were taken */
	uint64_t stream_bytes_sent, stream_bytes_received;
	uint64_t datagrams_sent, datagrams_received, datagrams_lost;
	uint64_t buffered_send_bytes, buffered_receive_bytes;
	uint64_t cpu_ns, voluntary_switches, involuntary_switches;
	uint64_t core_cpu_ns[STOQ_CORES_MAX];

	pthread_mutex_t lock; /* of the histogram */
	struct stoq_histogram rtt;
	uint64_t rtt_min_ns;
};

struct stoq_worker {
	struct stoq_transport *transport;
	unsigned int index;
	struct stoq_settings *settings;
	unsigned int settings_version, credentials_version;

	struct stoq_datapath *datapath;
	struct stoq_address local; /* that it is bound to */
	char description[160];	   /* of the datapath, for people; under metrics.lock */
	uint32_t described;	   /* datapath->changes then */
	unsigned int max_segments;
	bool joins; /* see struct stoq_datapath_info */
	int epoll_fd;
	short polled_events; /* of the datapath's descriptor; -1: it is not in the epoll set */

	struct stoq_inbox inbox;
	struct stoq_cid_table cids;
	struct stoq_cid_table ids; /* connections by number: handles.c */
	uint64_t connections_made;
	struct stoq_alarms alarms;
	struct stoq_connection *last_found; /* and its ID: packets come in runs */
	ngtcp2_cid last_cid;
	struct stoq_timers timers;
	struct stoq_pool pool;
	struct stoq_budget budget;
	struct stoq_list connections, dirty;
	uint32_t connection_count, half_open;
	struct stoq_outbox outbox;
	struct stoq_batch received[STOQ_RECEIVE_BUFFERS];
	uint8_t *receive_memory;
	struct stoq_rate reset_rate, negotiation_rate, refusal_log_rate;

	bool busy;	 /* atomic: it is being processed, or never will be again */
	pthread_t user;	 /* the thread that made it busy */
	uint64_t now_ns; /* of the call of stoq_transport_process() that runs */
	bool stopped;	 /* everything was closed because the transport stops */
	struct stoq_worker_metrics metrics;
};

/* Takes the datapath, also if it fails. */
int stoq_worker_new(struct stoq_worker **result, struct stoq_transport *transport,
	unsigned int index, struct stoq_datapath *datapath, struct stoq_error *error);
/*
 * One thread at a time, and no callback of it again, may use a worker: false if one does.
 * farewell.c claims workers for good.
 */
bool stoq_worker_claim(struct stoq_worker *worker);
void stoq_worker_release(struct stoq_worker *worker);

/* Runs what was posted, closes all connections without waiting: peers are told. */
void stoq_worker_end(struct stoq_worker *worker);
void stoq_worker_free(struct stoq_worker *worker);

/* One round: what has come (unless receive is false), what is due, what is to be sent. 0, -EBUSY:
 * it is in one, or what broke the datapath. */
int stoq_worker_process(struct stoq_worker *worker, uint64_t now_ns, bool receive);
/* When the next round is due; 0: now. */
uint64_t stoq_worker_next_ns(const struct stoq_worker *worker);
