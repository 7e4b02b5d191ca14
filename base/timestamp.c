// SPDX-License-Identifier: BSD-2-Clause
#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Digits behind the second, cut, not rounded: the second stays the one before. */
static void add_fraction(char fraction[static 16], uint64_t unix_ns, unsigned int digits)
{
	unsigned int part = (unsigned int)(unix_ns % 1000000000);

	for (unsigned int i = digits; i < 9; i++)
		part /= 10;
	if (digits)
		snprintf(fraction, 16, ".%0*u", (int)digits, part);
	else
		fraction[0] = '\0';
}

static const char *format(char out[static STOQ_TIMESTAMP], const struct tm *when, uint64_t unix_ns,
	unsigned int digits, const char *zone)
{
	char whole[24] = "", fraction[16];

	if (!when || !strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", when))
		snprintf(whole, sizeof(whole), "0000-00-00T00:00:00");
	add_fraction(fraction, unix_ns, digits > 9 ? 9 : digits);
	snprintf(out, STOQ_TIMESTAMP, "%.20s%s%s", whole, fraction, zone);
	return out;
}

const char *stoq_timestamp_local(
	char out[static STOQ_TIMESTAMP], uint64_t unix_ns, unsigned int digits)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm parts = {0};
	const struct tm *when = localtime_r(&seconds, &parts);
	long minutes = parts.tm_gmtoff / 60;
	char zone[16];

	snprintf(zone, sizeof(zone), "%c%02d:%02d", minutes < 0 ? '-' : '+',
		(int)(labs(minutes) / 60 % 100), (int)(labs(minutes) % 60));
	return format(out, when, unix_ns, digits, zone);
}

const char *stoq_timestamp_utc(
	char out[static STOQ_TIMESTAMP], uint64_t unix_ns, unsigned int digits)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm parts;

	return format(out, gmtime_r(&seconds, &parts), unix_ns, digits, "Z");
}
