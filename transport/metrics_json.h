/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A transport's metrics as one object of JSON. */
#include "transport/metrics_figures.h"

void stoq_metrics_put_json(FILE *out, const struct stoq_figures *figures,
	const struct stoq_transport_metrics *metrics, const struct stoq_ebpf_status *status);
