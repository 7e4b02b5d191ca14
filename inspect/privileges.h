/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/*
 * Drops every capability of the process but CAP_BPF, which reading maps needs where unprivileged
 * BPF is off and the kernel older than 5.19, and CAP_NET_ADMIN if asked to. A process that had
 * CAP_SYS_ADMIN in place of CAP_BPF keeps that. Sets no_new_privs. 0 or a negative errno.
 */
int stoq_drop_privileges(bool keep_net_admin, struct stoq_error *error);
