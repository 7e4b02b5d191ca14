// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The tc program that checks the protocol, too: `stoq watch --events` and --check. It has the maps and variables of the
 * other ones, and one more map.
 */
#define STOQ_CHECKED 1
#include "bpf/stream/stoq_watch.bpf.c"
