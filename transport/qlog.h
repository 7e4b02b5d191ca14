/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "transport/ngtcp2_compat.h"

struct stoq_connection;

/* Opens the connection's qlog file, if there is a directory for them. Trouble is only logged. */
void stoq_qlog_open(
	struct stoq_connection *connection, ngtcp2_settings *settings, const ngtcp2_cid *odcid);
