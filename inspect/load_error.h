/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Why the kernel did not take the program, in words, and libbpf's log on the way there. */
#include "base/error.h"

/* From now on libbpf's messages are kept, not printed. */
void stoq_libbpf_log_start(void);

/* Says why loading failed with this negative errno: missing capabilities, or the verifier. */
int stoq_load_error(struct stoq_error *error, int code);
