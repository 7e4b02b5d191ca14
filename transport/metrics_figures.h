/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The single figures of a transport's metrics, one table for all formats. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <stoq/transport.h>

#define STOQ_FIGURES_MAX  80
#define STOQ_SIZE_CLASSES 6

/* One figure. Times and sizes are in base units, as the text formats ask for. */
struct stoq_figure {
	const char *name; /* without "_total" */
	const char *help;
	bool counter; /* grows for ever; else it is what it is now */
	bool ns;      /* a time: seconds in the text */
	uint64_t value;
};

struct stoq_figures {
	struct stoq_figure of[STOQ_FIGURES_MAX];
	size_t count;
};

/* What is not there, or not known, has no figure. */
void stoq_figures_collect(struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status);

void stoq_figure_put_value(FILE *out, const struct stoq_figure *figure);

/* Upper bounds of stoq_transport_metrics.packet_sizes; the last class has none. */
extern const unsigned int stoq_packet_size_bounds[STOQ_SIZE_CLASSES - 1];

/* metrics_json.c */
void stoq_metrics_put_json(FILE *out, const struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status);
