/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "transport/ngtcp2_compat.h"

/* What ngtcp2 calls. */
void stoq_connection_fill_callbacks(ngtcp2_callbacks *callbacks, bool server);
