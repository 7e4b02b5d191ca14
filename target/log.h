/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a program wrote to its log, for a message to a person. */
#include <stddef.h>
#include <stdint.h>

/* Bytes the log has now; 0 if there is none. */
uint64_t stoq_log_position(const char *path);

/*
 * The last lines behind position, without SPDK's time stamps, joined by "; ", at most three
 * and at most what fits. Lines that say error or fail are preferred. "" if there is nothing.
 */
void stoq_log_quote(const char *path, uint64_t position, char *out, size_t size);
