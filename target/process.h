/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A process that is surely the one we started: its id and the moment it started, so that a
 * reused id is never mistaken for it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct stoq_process {
	pid_t pid;	     /* 0: none */
	uint64_t start_time; /* clock ticks since boot, /proc/PID/stat field 22 */
};

/* 0, -ESRCH (no such process, or, with *process filled in, a zombie) or -EPROTO (the kernel's text
 * is not understood). */
int stoq_process_identify(pid_t pid, struct stoq_process *process);

bool stoq_process_is_alive(const struct stoq_process *process);

/*
 * A new process is made in two steps, so that the caller can write down who it is before it
 * does anything: after spawn it exists but waits; release lets it exec, and reports when that
 * fails. If the caller dies in between, the process ends by itself.
 *
 * It gets a session of its own, /dev/null as input and the log as output, and no other file
 * descriptor. argv[0] is a path; argv ends with NULL.
 */
struct stoq_spawn {
	struct stoq_process process;
	int gate;
};
int stoq_spawn_prepare(struct stoq_spawn *spawn, const char *const *argv, const char *log_path,
	struct stoq_error *error);
int stoq_spawn_release(struct stoq_spawn *spawn, const char *path, struct stoq_error *error);

/*
 * SIGTERM, and after grace_ms SIGKILL; returns when it is gone. 0 also if it had ended
 * already. Works on children and on others.
 */
int stoq_process_stop(
	const struct stoq_process *process, unsigned int grace_ms, struct stoq_error *error);
