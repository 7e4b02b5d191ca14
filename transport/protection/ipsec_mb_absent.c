// SPDX-License-Identifier: BSD-2-Clause
#include "transport/protection/backend_private.h"

const struct stoq_protection_backend *stoq_protection_ipsec_mb(const char **why)
{
	*why = "it was not built in";
	return NULL;
}
