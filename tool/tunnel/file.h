/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A tunnel's file, YAML: `role` is listen or connect; the other keys are the long options of that command,
 * their values what the options take. A flag has true or false; an option that can be repeated may have a
 * list.
 */
#include "tool/tunnel/options.h"

/*
 * Reads and checks it, as the command line is. Errors name the file and the line. Once for a process: options
 * keep pointing to the file's text.
 */
int tunnel_file_read(const char *path, struct tunnel_options *options, struct stoq_error *error);
