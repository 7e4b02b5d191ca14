/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The datapath of UDP sockets: GSO, GRO, ECN, path MTU discovery by the transport (DF set). */
#include "base/error.h"
#include "datapath/datapath.h"

struct stoq_udp_config {
	struct stoq_address bind; /* the address may be a wildcard; port 0: the kernel chooses */
	uint32_t receive_buffer_bytes; /* SO_RCVBUFFORCE, else SO_RCVBUF; 0: the system's default */
	uint32_t send_buffer_bytes;
	uint32_t busy_poll_us; /* SO_BUSY_POLL; 0: off */

	/*
	 * One of several sockets on the same port (SO_REUSEPORT). They are opened in order, worker
	 * 0 first, and a classic BPF program, attached by worker 0, sends each packet to the worker
	 * that the first byte of its Destination Connection ID names: that byte modulo
	 * worker_count. Where the program is refused the kernel spreads by address, and transport/
	 * hands packets on. 0 or 1: no SO_REUSEPORT.
	 */
	uint32_t worker_count;
	uint32_t worker;
};

/*
 * Opens one. 0 or a negative errno with the sentence for the user. Buffers that stay smaller than
 * asked for are no failure: info.description says it.
 */
int stoq_udp_open(const struct stoq_udp_config *config, struct stoq_datapath **datapath,
	struct stoq_error *error);
