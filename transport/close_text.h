/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Reasons in words. */
#include <stoq/types.h>

/* Makes the reason from what RFC 9000 calls the code. */
void stoq_close_describe(struct stoq_close_info *close, const char *what);
