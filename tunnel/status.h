/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a tunnel does now, for its operators. */
#include "tunnel/tunnel.h"

/*
 * One JSON object, as one line, for free(): connections, queues, refusals, the transport. From a thread that
 * is no worker's; waits for the workers, two seconds at most: "complete" is false if one did not answer. NULL:
 * no memory. doc/tunnel.md describes the fields.
 */
char *stoq_tunnel_status(struct stoq_tunnel *tunnel);
