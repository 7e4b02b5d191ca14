/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The tunnel as its own files see it. */
#include <pthread.h>

#include "tunnel/controllers.h"
#include "tunnel/log.h"
#include "tunnel/rates.h"
#include "tunnel/shares.h"
#include "tunnel/tunnel.h"
#include "tunnel/worker.h"

struct stoq_tunnel {
	struct stoq_tunnel_config config;
	struct stoq_transport *transport;
	char *targets; /* target end: see STOQ_LANE_RECORD_TARGETS */
	struct stoq_tunnel_worker *workers;
	unsigned int worker_count;
	unsigned int next_worker; /* for the next TCP connection; worker 0's */
	unsigned int queues_most; /* since memory was given back; worker 0's */
	unsigned int queues;	  /* open now; atomic */
	struct stoq_shares shares, connection_shares,
		lane_shares;		     /* target end: of queues, of connections, of lanes */
	struct stoq_controllers controllers; /* target end */
	struct stoq_rates *rates;	     /* target end: the accounts of limits */
	struct stoq_tunnel_log log;
	struct stoq_status_socket *status;
	/* From other threads and signal handlers. */
	volatile bool stopping;
	volatile bool reload_wanted;
};
