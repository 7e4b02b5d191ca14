/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Address prefixes as people write them, and as the XDP program has them. */
#include <stddef.h>

#include "base/error.h"
#include "bpf/xdp/xdp_shared.h"

/* "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128" and its end. */
#define STOQ_XDP_PREFIX_TEXT 64

/*
 * "10.0.0.0/8", "192.0.2.7", "2001:db8::/32". Bits behind the prefix must be zero, so that nobody
 * means a network and names a host. -EINVAL.
 */
int stoq_xdp_prefix_parse(
	struct stoq_xdp_prefix *prefix, const char *text, struct stoq_error *error);

/* The same the other way; without "/n" where it is a single address. */
void stoq_xdp_prefix_print(
	char text[static STOQ_XDP_PREFIX_TEXT], const struct stoq_xdp_prefix *prefix);
