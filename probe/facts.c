// SPDX-License-Identifier: BSD-2-Clause
/* How the parts of probe/ add facts. */
#include "probe/facts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/array.h"
#include "probe/probe_private.h"

void stoq_probe_topic(struct stoq_probe *probe, const char *topic, const char *subject)
{
	probe->topic = topic;
	probe->subject = subject ? subject : "";
}

static struct stoq_probe_fact *add(struct stoq_probe *probe, const char *name)
{
	static struct stoq_probe_fact lost; /* out of memory: it is never read */
	struct stoq_probe_fact *fact = &lost, *facts;

	facts = stoq_array_room(probe->facts, probe->count, &probe->capacity, sizeof(*facts));
	if (facts) {
		probe->facts = facts;
		fact = &facts[probe->count++];
	} else {
		probe->out_of_memory = true;
	}
	*fact = (struct stoq_probe_fact){0};
	snprintf(fact->topic, sizeof(fact->topic), "%s", probe->topic);
	snprintf(fact->subject, sizeof(fact->subject), "%s", probe->subject);
	snprintf(fact->name, sizeof(fact->name), "%s", name);
	return fact;
}

__attribute__((format(printf, 5, 0))) static void add_answer(struct stoq_probe *probe,
	const char *name, enum stoq_probe_answer answer, const char *remedy, const char *format,
	va_list arguments)
{
	struct stoq_probe_fact *fact = add(probe, name);
	bool yes = answer == STOQ_PROBE_YES;

	fact->answer = answer;
	snprintf(fact->remedy, sizeof(fact->remedy), "%s", remedy);
	/* The analyzer takes arguments, which va_start() has set, for uninitialised. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	vsnprintf(yes ? fact->value : fact->why, yes ? sizeof(fact->value) : sizeof(fact->why),
		format, arguments);
}

void stoq_probe_yes(struct stoq_probe *probe, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_answer(probe, name, STOQ_PROBE_YES, "", format, arguments);
	va_end(arguments);
}

void stoq_probe_no(
	struct stoq_probe *probe, const char *name, const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_answer(probe, name, STOQ_PROBE_NO, remedy, format, arguments);
	va_end(arguments);
}

void stoq_probe_unknown(
	struct stoq_probe *probe, const char *name, const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_answer(probe, name, STOQ_PROBE_UNKNOWN, remedy, format, arguments);
	va_end(arguments);
}
