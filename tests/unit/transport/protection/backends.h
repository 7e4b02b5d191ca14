/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "transport/protection/backend_private.h"

/* Calls the test with every backend of this machine, and says which. */
static inline void with_each_backend(void (*test)(const struct stoq_protection_backend *backend))
{
	const char *why;
	const struct stoq_protection_backend *ipsec_mb = stoq_protection_ipsec_mb(&why);

	test(stoq_protection_gnutls());
	if (ipsec_mb)
		test(ipsec_mb);
	else
		print_message("without libipsec-mb: %s\n", why);
}
