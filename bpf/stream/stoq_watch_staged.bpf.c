// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/*
 * The tc program that counts the stages of commands, too: `stoq watch --stages`. It has the maps and
 * variables of the other one, and some more maps.
 */
#define STOQ_STAGED 1
#include "bpf/stream/stoq_watch.bpf.c"
