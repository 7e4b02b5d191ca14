/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Which BPF programs see the packets at one side of an interface's tc hook, by tcx or by clsact. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOQ_TC_PROGRAMS_MAX 64

/*
 * Numbers of the programs in tcx' list, in its order. How many, none where the kernel has no tcx; or
 * -EPERM: CAP_NET_ADMIN and CAP_BPF are needed.
 */
int stoq_tcx_list(int ifindex, bool ingress, uint32_t ids[static STOQ_TC_PROGRAMS_MAX]);

/*
 * Those of both, tcx' first. Where a clsact filter of ours jumps to its program (stoq_entry), the program's number.
 * More than there is room for are left out. Needs CAP_SYS_ADMIN for jumps: else stoq_entry's own number.
 */
int stoq_tc_programs_list(int ifindex, bool ingress, uint32_t ids[static STOQ_TC_PROGRAMS_MAX]);

/*
 * The program array of a stoq_entry, as a file descriptor; -1: it is another program. Opened
 * once: see stoq_attach_sweep().
 */
int stoq_tc_entry_array(int program_fd);
