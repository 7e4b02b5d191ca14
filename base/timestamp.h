/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Times as text, by RFC 3339: with date and offset from UTC, all of one length. */
#include <stdint.h>

#define STOQ_TIMESTAMP 40 /* room for any */

/*
 * "2026-11-22T09:30:00.123456+01:00", in the machine's time zone, with this many digits behind the
 * second, 0 to 9. Returns out.
 */
const char *stoq_timestamp_local(
	char out[static STOQ_TIMESTAMP], uint64_t unix_ns, unsigned int digits);

/* "2026-11-22T08:30:00.123456Z" */
const char *stoq_timestamp_utc(
	char out[static STOQ_TIMESTAMP], uint64_t unix_ns, unsigned int digits);
