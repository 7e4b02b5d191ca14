/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a policy in the tunnel is, for the files that know the guard. */
#include "guard/source.h"
#include "tunnel/policy.h"

struct stoq_tunnel_policy {
	struct stoq_guard_source source;
	uint64_t serial; /* no other policy of this process has it */
	unsigned int users;
};
