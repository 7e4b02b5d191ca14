/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Files below the root that is looked at. */
#include "probe/probe.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the beginning of a file, without the last newline. Its length, or a negative errno. */
ssize_t stoq_probe_read(const struct stoq_probe *probe, const char *path, char *text, size_t size);

/* A file that holds a number. 0 or a negative errno. */
int stoq_probe_read_number(const struct stoq_probe *probe, const char *path, uint64_t *value);

bool stoq_probe_exists(const struct stoq_probe *probe, const char *path);

/* Whether any line of a file, however long, contains word. */
bool stoq_probe_file_has(const struct stoq_probe *probe, const char *path, const char *word);

/* The same, at the line's beginning. */
bool stoq_probe_line_begins(const struct stoq_probe *probe, const char *path, const char *word);

/* The kernel's release: uname(2)'s, or that of a made-up root. False: it is not to be seen. */
bool stoq_probe_release(const struct stoq_probe *probe, char *release, size_t size);

/* Whether /proc and /sys are mounted: nothing that lies there is missing where they are not. */
static inline bool stoq_probe_has_proc(const struct stoq_probe *probe)
{
	return stoq_probe_exists(probe, "/proc/sys/kernel");
}

static inline bool stoq_probe_has_sys(const struct stoq_probe *probe)
{
	return stoq_probe_exists(probe, "/sys/kernel");
}

/* Unknown, for it is seen in /proc or /sys (what: without the slash), which is not mounted. */
void stoq_probe_not_mounted(struct stoq_probe *probe, const char *name, const char *what);
