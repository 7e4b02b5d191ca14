// SPDX-License-Identifier: BSD-2-Clause
#include "guard/mistakes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flow/text.h"

/* Place for one more, or NULL: it is counted only. */
static struct stoq_guard_mistake *add_room(struct stoq_guard_mistakes *mistakes)
{
	struct stoq_guard_mistake *items;

	mistakes->total++;
	if (mistakes->count == STOQ_GUARD_MISTAKES_MAX)
		return NULL;
	items = stoq_array_room(
		mistakes->items, mistakes->count, &mistakes->capacity, sizeof(*items));
	if (!items) {
		mistakes->no_memory = true;
		return NULL;
	}
	mistakes->items = items;
	return &items[mistakes->count];
}

void stoq_guard_mistakes_add(struct stoq_guard_mistakes *mistakes, size_t order, const char *file,
	struct stoq_guard_place place, const char *hint, const char *format, ...)
{
	struct stoq_guard_mistake *mistake = add_room(mistakes);
	va_list arguments;

	if (!mistake)
		return;
	*mistake =
		(struct stoq_guard_mistake){.order = order, .file = strdup(file), .place = place};
	if (!mistake->file) {
		mistakes->no_memory = true;
		return;
	}
	va_start(arguments, format);
	vsnprintf(mistake->text, sizeof(mistake->text), format, arguments);
	va_end(arguments);
	snprintf(mistake->hint, sizeof(mistake->hint), "%s", hint ? hint : "");
	mistakes->count++;
}

static int compare(const void *a, const void *b)
{
	const struct stoq_guard_mistake *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->place.line != y->place.line)
		return x->place.line < y->place.line ? -1 : 1;
	return (x->place.column > y->place.column) - (x->place.column < y->place.column);
}

/* As much of one as a sentence has room for. It has parts of the file, which may be meant for a terminal to obey. */
static void put(char *text, size_t size, const struct stoq_guard_mistake *mistake)
{
	char line[16] = "", raw[2 * STOQ_GUARD_MISTAKE_TEXT + 256];

	if (mistake->place.line)
		snprintf(line, sizeof(line), ":%u", mistake->place.line);
	snprintf(raw, sizeof(raw), "%.200s%s: %s%s%s", mistake->file, line, mistake->text,
		mistake->hint[0] ? "; " : "", mistake->hint);
	stoq_text_clean(text, size, raw, sizeof(raw), STOQ_TEXT_UTF8);
}

int stoq_guard_mistakes_end(
	struct stoq_guard_mistakes *mistakes, const char *file, bool ask, struct stoq_error *error)
{
	char first[sizeof(error->text)];

	if (mistakes->no_memory)
		return stoq_error_set(error, -ENOMEM, "%.200s: not enough memory to read it", file);
	if (!mistakes->count)
		return 0;
	qsort(mistakes->items, mistakes->count, sizeof(*mistakes->items), compare);
	put(first, sizeof(first), &mistakes->items[0]);
	if (!ask || mistakes->total == 1)
		return stoq_error_set(error, -EINVAL, "%s", first);
	return stoq_error_set(error, -EINVAL,
		"%.560s (mistake 1 of %zu; `stoq guard check %.80s` prints all)", first,
		mistakes->total, file);
}

void stoq_guard_mistakes_free(struct stoq_guard_mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count; i++)
		free(mistakes->items[i].file);
	free(mistakes->items);
	*mistakes = (struct stoq_guard_mistakes){0};
}

void stoq_guard_mistakes_print(FILE *file, const struct stoq_guard_mistakes *mistakes)
{
	char text[4 * (2 * STOQ_GUARD_MISTAKE_TEXT + 256)];

	for (size_t i = 0; i < mistakes->count; i++) {
		put(text, sizeof(text), &mistakes->items[i]);
		fprintf(file, "%s\n", text);
	}
	if (mistakes->total > mistakes->count)
		fprintf(file, "%zu more mistakes are not shown\n",
			mistakes->total - mistakes->count);
}
