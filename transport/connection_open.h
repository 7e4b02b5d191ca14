/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How connections begin. */
#include "transport/connection.h"

struct stoq_server_start {
	const ngtcp2_pkt_hd *header;
	const ngtcp2_cid *original_dcid;
	const ngtcp2_cid *retry_scid; /* NULL: no Retry took place */
	const struct stoq_address *local, *remote;
};

int stoq_connection_start_server(
	struct stoq_connection *connection, const struct stoq_server_start *start);
int stoq_connection_start_client(struct stoq_connection *connection,
	const struct stoq_connect_config *config, const struct stoq_address *local,
	const struct stoq_address *remote);
