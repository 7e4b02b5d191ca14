/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Text for a viewer: strings from the wire made harmless, numbers made short. Pure; each
 * writes into the caller's buffer and returns it.
 */
#include <stddef.h>
#include <stdint.h>

enum stoq_text_set {
	STOQ_TEXT_ASCII, /* terminals: only printable ASCII gets through */
	STOQ_TEXT_UTF8,	 /* JSON: valid UTF-8 gets through, control and format characters do not */
};

#define STOQ_TEXT_NUMBER 16 /* room for any number below */

/*
 * A string that came from the wire, up to length bytes or a NUL. A byte that cannot be shown
 * becomes \xNN, and a backslash \x5c, so that every backslash in the result begins an escape.
 * Cut at a whole character or escape when size is too small; 4 * length + 1 never is.
 */
const char *stoq_text_clean(
	char *out, size_t size, const char *text, size_t length, enum stoq_text_set set);

/* 9999, "12.3k", "505k", "1.23M": five characters at most up to 10^18. */
const char *stoq_text_count(char out[static STOQ_TEXT_NUMBER], uint64_t count);

/* Nanoseconds: "640ns", "84.1us", "1.30ms", "12.3s"; separator stands before the unit. */
const char *stoq_text_time(char out[static STOQ_TEXT_NUMBER], uint64_t ns, const char *separator);

/* "512 B", "84.1 kB", "2.07 GB"; suffix stands behind, such as "/s". */
const char *stoq_text_bytes(char out[static STOQ_TEXT_NUMBER], double bytes, const char *suffix);

/* 10^6 bytes a second as a plain number, six characters at most up to a million. */
const char *stoq_text_megabytes(char out[static STOQ_TEXT_NUMBER], double bytes_per_second);

/* A frequency of events, per second, over a time; 0 if the time is. */
double stoq_text_rate(uint64_t events, uint64_t ns);
