// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The tc program that counts stages and checks the protocol. */
#define STOQ_STAGED  1
#define STOQ_CHECKED 1
#include "bpf/stream/stoq_watch.bpf.c"
