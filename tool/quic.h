/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq-quic, the program with what needs QUIC: it lies beside this one in a build tree, else where it was installed. */
#include <sys/types.h>

#include "base/error.h"

/*
 * Becomes it. argv[0] is "stoq". Returns only on failure, which was explained: EXIT_FAILURE.
 */
int tool_quic_execute(char **argv);

/*
 * Starts it with this descriptor as number 3, no signals blocked. 0, or a negative errno with the reason.
 */
int tool_quic_spawn(char **argv, int fd, pid_t *pid, struct stoq_error *error);
