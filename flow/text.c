// SPDX-License-Identifier: BSD-2-Clause
#include "flow/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Characters that draw nothing or reorder what stands around them: first, last. */
static const struct {
	uint32_t first, last;
} invisible[] = {
	{0x00, 0x1f},	    /* C0 controls */
	{0x7f, 0x9f},	    /* DEL, C1 controls: some terminals obey them */
	{0xad, 0xad},	    /* soft hyphen */
	{0x061c, 0x061c},   /* Arabic letter mark */
	{0x200b, 0x200f},   /* zero width, left-to-right and right-to-left marks */
	{0x2028, 0x202e},   /* line and paragraph separators, bidirectional embeddings */
	{0x2060, 0x206f},   /* word joiner, bidirectional isolates */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xfff9, 0xfffb},   /* annotations */
	{0xfffe, 0xffff},   /* not characters */
	{0xe0000, 0xe0fff}, /* tags */
};

static bool is_visible(uint32_t character)
{
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (character >= invisible[i].first && character <= invisible[i].last)
			return false;
	return character != '\\';
}

const char *stoq_text_clean(
	char *out, size_t size, const char *text, size_t length, enum stoq_text_set set)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t used = 0;

	length = strnlen(text, length);
	while (length) {
		uint32_t character = 0;
		size_t bytes = stoq_utf8_decode(from, length, &character);
		bool shown = bytes && is_visible(character) &&
			     (set == STOQ_TEXT_UTF8 || character < 0x80);

		if (!shown)
			bytes = 1;
		if (used + (shown ? bytes : 4) >= size)
			break;
		if (shown)
			memcpy(out + used, from, bytes);
		else
			snprintf(out + used, 5, "\\x%02x", *from);
		used += shown ? bytes : 4;
		from += bytes;
		length -= bytes;
	}
	if (size)
		out[used] = '\0';
	return out;
}

/* Three significant digits and the unit, the smallest in which the number is below 1000. */
static const char *scaled(char *out, double value, const char *separator, const char *const *units,
	const char *suffix)
{
	int decimals;

	/* 999.5 would be written as 1000. */
	while (value >= 999.5 && units[1]) {
		value /= 1000;
		units++;
	}
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(out, STOQ_TEXT_NUMBER, "%.*f%s%s%s", decimals, value, separator, *units, suffix);
	return out;
}

const char *stoq_text_count(char out[static STOQ_TEXT_NUMBER], uint64_t count)
{
	static const char *const units[] = {"k", "M", "G", "T", "P", "E", NULL};

	if (count < 10000) {
		snprintf(out, STOQ_TEXT_NUMBER, "%u", (unsigned int)count);
		return out;
	}
	return scaled(out, (double)count / 1000, "", units, "");
}

const char *stoq_text_time(char out[static STOQ_TEXT_NUMBER], uint64_t ns, const char *separator)
{
	static const char *const units[] = {"us", "ms", "s", NULL};

	if (ns < 1000) {
		snprintf(out, STOQ_TEXT_NUMBER, "%u%sns", (unsigned int)ns, separator);
		return out;
	}
	return scaled(out, (double)ns / 1000, separator, units, "");
}

const char *stoq_text_bytes(char out[static STOQ_TEXT_NUMBER], double bytes, const char *suffix)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB", NULL};

	if (bytes < 1000) {
		snprintf(out, STOQ_TEXT_NUMBER, "%.0f B%s", bytes, suffix);
		return out;
	}
	return scaled(out, bytes / 1000, " ", units, suffix);
}

const char *stoq_text_megabytes(char out[static STOQ_TEXT_NUMBER], double bytes_per_second)
{
	double value = bytes_per_second / 1e6;
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(out, STOQ_TEXT_NUMBER, "%.*f", value > 0 ? decimals : 0, value);
	return out;
}

double stoq_text_rate(uint64_t events, uint64_t ns)
{
	return ns ? (double)events * 1e9 / (double)ns : 0;
}
