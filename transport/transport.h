/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A transport from its beginning to its end. */
#include "transport/endpoint.h"

/*
 * stoq_transport_create() on datapaths that are open already, one for each worker. They are the
 * transport's from here on, also if it fails.
 */
int stoq_transport_create_on(const struct stoq_transport_config *config,
	struct stoq_datapath *const *datapaths, struct stoq_transport **result,
	struct stoq_error *error);
