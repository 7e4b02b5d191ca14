/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Numbers as people write them. All functions take the whole text (nothing may follow the
 * number), accept no sign and no blanks, and return 0, -EINVAL (not such a number) or
 * -ERANGE (too large); the result is stored only on success.
 */
#include <stdint.h>

/* Decimal, min..max. */
int stoq_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* "4096", "4K", "64M", "2GiB", "1T": powers of 1024, either case. */
int stoq_parse_bytes(const char *text, uint64_t *bytes);

/* "100ns", "250us", "1.5ms", "10s", "2m", "1h": the unit is required. "0" alone is fine. */
int stoq_parse_duration_ns(const char *text, uint64_t *ns);
