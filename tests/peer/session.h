/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A host's association with a controller: its admin queue and its I/O queues, each a socket
 * and a struct peer_host. What brings it up is synchronous.
 */
#include "base/error.h"
#include "tests/peer/net.h"
#include "tests/peer/stats.h"

struct peer_queue {
	int fd;
	enum nvme_queue_kind kind;
	struct peer_host host;
	struct peer_stats *stats;
	uint8_t *buffer; /* to receive into; PEER_RECEIVE_BYTES */
	/* The synchronous command: */
	struct peer_host_command *waiting;
	struct peer_host_completion completion;
	uint8_t *data;
};

#define PEER_RECEIVE_BYTES (1u << 20)

struct peer_session_config {
	struct peer_address address;
	struct peer_host_config host; /* of I/O queues */
	const char *host_nqn, *subsystem_nqn;
	const char *host_id; /* up to 16 bytes; NULL: one of our own */
	uint32_t queues;     /* for I/O */
	uint32_t kato_ms;
	bool flow_control; /* else disabled by Connect, so that SUCCESS may come */
};

struct peer_session {
	struct peer_session_config config;
	struct peer_queue admin;
	struct peer_queue *queues;
	uint32_t queue_count;	 /* connected */
	struct peer_stats stats; /* of the admin queue, and of every Connect */
	uint8_t *buffer;
	uint16_t cntlid;
	/* What Identify says: */
	uint32_t namespaces;
	uint64_t namespace_bytes; /* of the smallest one */
	uint32_t block_bytes;
	uint32_t in_capsule_bytes;
	uint32_t max_transfer_bytes;
};

/* Connects everything. On failure peer_session_close() is still due. */
int peer_session_open(struct peer_session *session, const struct peer_session_config *config,
	struct stoq_error *error);
void peer_session_close(struct peer_session *session);

/* Keep Alive, on the admin queue. */
int peer_session_keep_alive(struct peer_session *session, struct stoq_error *error);

struct peer_request {
	struct nvme_sqe sqe;
	uint32_t length; /* of the data, whichever direction */
	const void *data_out;
	uint8_t *data_in;
	bool by_r2t; /* data_out waits for R2Ts; else it goes into the capsule */
};

/* One command, start to end; a status other than success is a failure. */
int peer_queue_run(
	struct peer_queue *queue, const struct peer_request *request, struct stoq_error *error);

/* The text for a queue that broke. */
int peer_queue_error(
	const struct peer_queue *queue, int status, const char *doing, struct stoq_error *error);
