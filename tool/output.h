/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Buffered output that a slow or absent reader cannot keep from ending: while it waits for
 * room it also listens to stop_fd.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct tool_output {
	int fd;
	int stop_fd; /* readable: give up rather than wait. -1: none */
	bool closed; /* the reader has gone, or was given up: all further output is dropped */
	int error;   /* what else ended it, a negative errno, such as -ENOSPC; 0: nothing */
	size_t used, capacity;
	char *data;
};

/* Columns of the terminal at standard output; width where there is no terminal, or one of fewer than 40. */
unsigned int tool_output_width(unsigned int width);

/* 0 or -ENOMEM. */
int tool_output_init(struct tool_output *output, int fd, int stop_fd);

/* Adds a text; a newline too, if line is set. */
void tool_output_add(struct tool_output *output, const char *text, bool line);

/* Writes what was added. */
void tool_output_flush(struct tool_output *output);

/* Writes what was added, waiting for room for this time at most, and frees. 0 or output->error. */
int tool_output_end(struct tool_output *output, int timeout_ms);

/* Says what tool_output_end() returned. */
int tool_output_explain(int result, struct stoq_error *error);
