/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How fast a window is used; see credit.c. */
#include <stdint.h>

struct stoq_credit {
	uint64_t used_bytes; /* since_ns */
	uint64_t since_ns;
};
