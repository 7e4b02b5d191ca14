/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * An NVMe/TCP controller over RAM, for tests and benchmarks. A connection is a state machine:
 * bytes in by peer_connection_receive(), PDUs out through its struct peer_tx. It opens no
 * socket and reads no clock.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/peer/rx.h"
#include "tests/peer/tx.h"

#define PEER_DEFAULT_NQN    "nqn.2014-08.org.nvmexpress:stoq-peer"
#define PEER_MAX_NAMESPACES 64
#define PEER_MAX_FAULTS	    16
#define PEER_MAX_TRANSFER   (1u << 20) /* of a command: MDTS */
#define PEER_MAX_QUEUE_SIZE 1024
#define PEER_HELD_COMMANDS  16 /* AERs, beyond the queue's size */

/* Commands that touch this block end with this status. */
struct peer_fault {
	uint64_t lba;
	uint16_t status; /* NVME_STATUS() */
};

struct peer_target_config {
	const char *subsystem_nqn;
	const char *host_nqn; /* the only one allowed; NULL: any */
	uint32_t namespaces;
	uint64_t namespace_bytes;
	uint32_t block_bytes;
	bool header_digest, data_digest; /* accepted when offered */
	bool success;			 /* end reads by C2HData with SUCCESS where allowed */
	uint32_t in_capsule_bytes;	 /* I/O queues */
	uint32_t max_h2c_bytes;		 /* of one H2CData PDU: MAXH2CDATA */
	uint32_t max_r2t_bytes;		 /* of one R2T; 0: the whole command */
	uint32_t max_c2h_bytes;		 /* of one C2HData PDU; 0: the whole command */
	uint8_t cpda;			 /* alignment asked of the host: 0's based, dwords */
	struct peer_fault faults[PEER_MAX_FAULTS];
	uint32_t fault_count;
	uint64_t slow_lba, slow_blocks; /* I/O that touches these blocks ends late by slow_ns */
	uint64_t slow_ns;
};

void peer_target_config_init(struct peer_target_config *config);

struct peer_controller {
	char host_nqn[NVME_NQN_LENGTH];
	uint16_t cntlid;
	uint32_t connections;
	uint32_t cc; /* controller configuration */
	struct peer_controller *next;
};

struct peer_target {
	struct peer_target_config config;
	uint8_t *memory[PEER_MAX_NAMESPACES];
	pthread_mutex_t lock; /* of the controllers */
	struct peer_controller *controllers;
	uint16_t last_cntlid;
	unsigned long long writes; /* commands of all connections; atomic */
};

int peer_target_init(struct peer_target *target, const struct peer_target_config *config);
void peer_target_free(struct peer_target *target);

enum peer_command_state {
	PEER_COMMAND_FREE,
	PEER_COMMAND_RECEIVING, /* in-capsule data, or none, up to the PDU's end */
	PEER_COMMAND_R2T,	/* an R2T has to be sent */
	PEER_COMMAND_H2C,	/* H2CData has to come */
	PEER_COMMAND_LATE,	/* waits for due_ns */
	PEER_COMMAND_C2H,	/* C2HData has to be sent */
	PEER_COMMAND_RESPONSE,	/* CapsuleResp has to be sent */
	PEER_COMMAND_HELD,	/* for ever: AER */
};

struct peer_command {
	struct nvme_sqe sqe;
	enum peer_command_state state;
	uint16_t status;	/* NVME_STATUS() */
	bool compare, mismatch; /* compare with data instead of storing there */
	bool from_host;		/* direction of the data */
	bool late;
	uint8_t *data;	 /* NULL: received data is dropped */
	uint8_t *buffer; /* data, if it is the command's own */
	uint32_t length; /* of data */
	uint32_t done;	 /* of these transferred */
	uint32_t asked;	 /* from the host: covered by R2Ts */
	uint32_t dw0, dw1;
	uint64_t due_ns;
};

struct peer_connection {
	struct peer_target *target;
	struct peer_controller *controller; /* NULL before Connect */
	struct peer_rx rx;
	struct peer_tx tx;
	bool has_tx;
	uint16_t qid, sqhd;
	uint16_t queue_size; /* entries */
	bool flow_control_disabled;
	struct peer_command *commands;
	uint32_t command_count;
	uint16_t *free_commands; /* a stack */
	uint32_t free_count;
	uint16_t *ready; /* ring of command_count: those that have something to send, in turn */
	uint32_t ready_first, ready_count;
	uint16_t *late; /* likewise: those that wait, in order of due_ns */
	uint32_t late_first, late_count;
	struct peer_command *receiving; /* whose data the PDU at hand carries */
	uint32_t pdu_data_left;
	uint64_t now_ns;
	const char *problem; /* why the connection had to end */
};

int peer_connection_init(struct peer_connection *connection, struct peer_target *target);
void peer_connection_free(struct peer_connection *connection);

/*
 * Takes bytes from the host. 0, or a negative errno after which the connection is to be
 * closed; connection->problem says why.
 */
int peer_connection_receive(
	struct peer_connection *connection, const uint8_t *bytes, size_t length, uint64_t now_ns);

/* Ends commands that were late. When to call again, 0: no need. */
uint64_t peer_connection_tick(struct peer_connection *connection, uint64_t now_ns);

/* Queues what there is to send, as far as tx has room. */
void peer_connection_pump(struct peer_connection *connection);

/* ---- among the target's files ---- */

/* Starts a command whose SQE is in place: status, data, length, direction. */
void peer_io_start(struct peer_connection *connection, struct peer_command *command);
void peer_admin_start(struct peer_connection *connection, struct peer_command *command);
void peer_fabrics_start(struct peer_connection *connection, struct peer_command *command);
/* The host's data is there: carries the command out. */
void peer_io_finish(struct peer_connection *connection, struct peer_command *command);
int peer_fabrics_finish(struct peer_connection *connection, struct peer_command *command);
/* A buffer of the command's own, zeroed; sets data and length. False: status is set. */
bool peer_command_buffer(struct peer_command *command, uint32_t length);
int peer_connection_resize(struct peer_connection *connection, uint32_t commands);
