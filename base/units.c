// SPDX-License-Identifier: BSD-2-Clause
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Reads the digits at *text and leaves *text behind them. */
static int read_digits(const char **text, uint64_t *value)
{
	uint64_t sum = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
			__builtin_add_overflow(sum, (uint64_t)(**text - '0'), &sum))
			return -ERANGE;
	}
	*value = sum;
	return 0;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
	for (; units->name; units++) {
		if (strcasecmp(units->name, name) == 0)
			return units;
	}
	return NULL;
}

int stoq_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t number;
	int ret = read_digits(&text, &number);

	if (ret)
		return ret;
	if (*text)
		return -EINVAL;
	if (number < min || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

int stoq_parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"K", 1ull << 10},
		{"KiB", 1ull << 10}, {"M", 1ull << 20}, {"MiB", 1ull << 20}, {"G", 1ull << 30},
		{"GiB", 1ull << 30}, {"T", 1ull << 40}, {"TiB", 1ull << 40}, {NULL, 0}};
	const struct unit *unit;
	uint64_t number;
	int ret = read_digits(&text, &number);

	if (ret)
		return ret;
	unit = find_unit(units, text);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(number, unit->factor, &number))
		return -ERANGE;
	*bytes = number;
	return 0;
}

/* The digits behind a decimal point, as a share of the unit; those after the sixth are dropped. */
static int read_fraction(const char **text, uint64_t *numerator, uint64_t *denominator)
{
	*numerator = 0;
	*denominator = 1;
	if (**text != '.')
		return 0;
	(*text)++;
	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		if (*denominator >= 1000000)
			continue;
		*numerator = *numerator * 10 + (uint64_t)(**text - '0');
		*denominator *= 10;
	}
	return 0;
}

int stoq_parse_duration_ns(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000},
		{"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}, {NULL, 0}};
	uint64_t number, numerator, denominator;
	const struct unit *unit;
	int ret = read_digits(&text, &number);

	if (!ret)
		ret = read_fraction(&text, &numerator, &denominator);
	if (ret)
		return ret;
	if (!*text && !number && !numerator) {
		*ns = 0;
		return 0;
	}
	unit = find_unit(units, text);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(number, unit->factor, &number) ||
		__builtin_add_overflow(number, unit->factor * numerator / denominator, &number))
		return -ERANGE;
	*ns = number;
	return 0;
}
