/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Reading certificates and the policy again while the tunnel runs. */
#include "tunnel/tunnel_private.h"

/* Does what was asked for from a signal handler; in worker 0's thread. */
void stoq_tunnel_answer(struct stoq_tunnel *tunnel);
