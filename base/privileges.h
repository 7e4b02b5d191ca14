/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "base/error.h"

/*
 * All that stoq uses, as an argument of setcap(8). There is one set, for setcap replaces what a
 * file had: two pieces of advice that differ would undo each other.
 */
#define STOQ_ALL_CAPABILITIES "cap_bpf,cap_net_admin,cap_perfmon,cap_net_raw,cap_ipc_lock+ep"

/*
 * What may be kept of the capabilities, as far as they are there. STOQ_KEEP_BPF is CAP_BPF, which
 * reading maps needs where unprivileged BPF is off and the kernel older than 5.19, or, in a process
 * that has CAP_SYS_ADMIN in place of it, that.
 */
#define STOQ_KEEP_BPF	    1u
#define STOQ_KEEP_NET_ADMIN 2u

/*
 * Drops every other capability of the calling thread, and so of threads that begin later. Sets
 * no_new_privs. 0 or a negative errno.
 */
int stoq_drop_privileges(unsigned int keep, struct stoq_error *error);
