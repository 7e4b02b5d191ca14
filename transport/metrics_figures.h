/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The single figures of a transport's metrics. */
#include <stoq/transport.h>

#include "metrics/figures.h"

#define STOQ_SIZE_CLASSES 6

/* What a transport does not have, or what is not known, has no figure. */
void stoq_transport_figures(struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status);

/* Upper bounds of stoq_transport_metrics.packet_sizes; the last class has none. */
extern const unsigned int stoq_packet_size_bounds[STOQ_SIZE_CLASSES - 1];
