/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A tunnel's figures for a scraper: its queues and refusals by the other end's name, and those of its transport. */
#include "metrics/endpoint.h"
#include "tunnel/tunnel.h"

/*
 * For struct stoq_metrics_source, with a struct stoq_tunnel as its context; JSON is stoq_tunnel_status(). From a thread that is no
 * worker's. -EAGAIN: a worker did not answer in time: no figure is better than one that falls.
 */
int stoq_tunnel_metrics_text(
	void *context, enum stoq_metrics_format format, char **text, size_t *size);
