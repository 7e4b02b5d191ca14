/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One queue of an NVMe/TCP host: commands in, PDUs out through its struct peer_tx, bytes from
 * the controller in, completions out. Checks what the controller does. Opens no socket and
 * reads no clock.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tests/peer/rx.h"
#include "tests/peer/tx.h"

struct peer_host;

struct peer_host_command {
	struct nvme_sqe sqe;	 /* as sent */
	const uint8_t *data_out; /* to the controller; must stay */
	uint32_t length;	 /* of the data, whichever direction */
	uint32_t received;
	uint64_t submitted_ns; /* when it was about to be sent; 0: not yet */
	bool active;
	bool held;	 /* never completes by itself: AER */
	bool data_ended; /* LAST was there */
	bool asked;	 /* an R2T is being answered */
	uint16_t ttag;
	uint32_t r2t_end, sent;
};

struct peer_host_completion {
	uint16_t status; /* NVME_STATUS() */
	uint32_t dw0, dw1;
	uint64_t latency_ns;
};

struct peer_host_ops {
	/* Data that a command reads; may be NULL. 0, or a negative errno to end the queue. */
	int (*data)(void *context, struct peer_host_command *command, const uint8_t *bytes,
		uint32_t length);
	/* The command is free again when this returns. */
	int (*completed)(void *context, struct peer_host_command *command,
		const struct peer_host_completion *completion);
};

struct peer_host_config {
	struct nvme_tcp_format offer;
	uint16_t depth; /* commands at once */
};

struct peer_host {
	const struct peer_host_ops *ops;
	void *context;
	struct peer_rx rx;
	struct peer_tx tx;
	bool ready; /* ICResp has been there */
	uint32_t max_h2c_bytes;
	struct peer_host_command *commands; /* index: CID */
	uint16_t depth;
	uint16_t *free_commands; /* a stack */
	uint32_t free_count;
	uint16_t *unsent; /* submitted, no time yet */
	uint32_t unsent_count;
	uint16_t *asked; /* ring: R2Ts to answer */
	uint32_t asked_first, asked_count;
	struct peer_host_command *receiving;
	uint64_t now_ns;
	const char *problem;
};

int peer_host_init(struct peer_host *host, const struct peer_host_config *config,
	const struct peer_host_ops *ops, void *context);
void peer_host_free(struct peer_host *host);

/* True if a command can be submitted now. */
bool peer_host_can_submit(const struct peer_host *host);

/*
 * Submits a command: *sqe apart from its CID and, where it has data, SGL1, which are ours.
 * data_out: what it sends (NULL: none); in_capsule: with the capsule, else by R2T.
 */
struct peer_host_command *peer_host_submit(struct peer_host *host, const struct nvme_sqe *sqe,
	uint32_t length, const void *data_out, bool in_capsule);

/* Queues data that the controller asked for, and gives commands not sent before their time. */
void peer_host_pump(struct peer_host *host, uint64_t now_ns);

/* Takes bytes from the controller; 0 or a negative errno: host->problem says why. */
int peer_host_receive(struct peer_host *host, const uint8_t *bytes, size_t length, uint64_t now_ns);

/* Commands that will complete. */
uint32_t peer_host_outstanding(const struct peer_host *host);
