// SPDX-License-Identifier: BSD-2-Clause
#include "tool/probe/verb_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "probe/probe.h"
#include "tool/message.h"
#include "tool/options.h"

#define SCHEMA_VERSION 1

static const char help[] =
#include "stoq-probe.help.h"
	;

/* A remedy of fewer characters is shorter than a reference to it. */
#define LONG_REMEDY 64

enum probe_option { OPTION_JSON = TOOL_OPTION_FIRST };

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"json", no_argument, NULL, OPTION_JSON},
	{NULL, 0, NULL, 0},
};

/* ---- text ---- */

static void print_heading(const struct stoq_probe_fact *fact, const struct stoq_probe_fact *last)
{
	if (last && strcmp(last->topic, fact->topic) == 0 &&
		strcmp(last->subject, fact->subject) == 0)
		return;
	printf("%s%s%s%s\n", last ? "\n" : "", fact->topic, fact->subject[0] ? " " : "",
		fact->subject);
}

/* The first fact that the same would help; itself, if there is none before. */
static const struct stoq_probe_fact *same_remedy(const struct stoq_probe *probe, size_t i)
{
	size_t first = 0;

	while (strcmp(probe->facts[first].remedy, probe->facts[i].remedy) != 0)
		first++;
	return &probe->facts[first];
}

/* What is long stands there once. */
static void print_remedy(const struct stoq_probe *probe, size_t i)
{
	const struct stoq_probe_fact *fact = &probe->facts[i], *first = same_remedy(probe, i);

	printf("  %-29s> ", "");
	if (first == fact || strlen(fact->remedy) < LONG_REMEDY)
		puts(fact->remedy);
	else
		printf("see %s%s%s %s above\n", first->topic, first->subject[0] ? " " : "",
			first->subject, first->name);
}

static void print_fact(const struct stoq_probe *probe, size_t i)
{
	const struct stoq_probe_fact *fact = &probe->facts[i];

	printf("  %-20s %-8s", fact->name, stoq_probe_answer_name(fact->answer));
	if (fact->answer == STOQ_PROBE_YES) {
		printf("%s\n", fact->value);
		return;
	}
	printf("%s\n", fact->why);
	if (fact->remedy[0])
		print_remedy(probe, i);
}

static void print_all(const struct stoq_probe *probe)
{
	for (size_t i = 0; i < probe->count; i++) {
		print_heading(&probe->facts[i], i ? &probe->facts[i - 1] : NULL);
		print_fact(probe, i);
	}
}

/* ---- JSON ---- */

/* Empty texts are null. */
static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text[0] ? json_object_new_string(text) : NULL);
}

static struct json_object *fact_as_json(const struct stoq_probe_fact *fact)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_string(object, "topic", fact->topic);
	add_text(object, "subject", fact->subject);
	stoq_json_put_string(object, "name", fact->name);
	stoq_json_put_string(object, "answer", stoq_probe_answer_name(fact->answer));
	add_text(object, "value", fact->value);
	add_text(object, "why", fact->why);
	add_text(object, "remedy", fact->remedy);
	return object;
}

static void print_json(const struct stoq_probe *probe)
{
	struct json_object *all = stoq_json_new_report("probe", SCHEMA_VERSION);
	struct json_object *facts = json_object_new_array();

	for (size_t i = 0; i < probe->count; i++)
		json_object_array_add(facts, fact_as_json(&probe->facts[i]));
	json_object_object_add(all, "facts", facts);
	printf("%s\n", json_object_to_json_string_ext(
			       all, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	bool *json = context;

	*json = true;
	return 0;
}

int verb_probe(int argc, char **argv)
{
	static const struct tool_options options = {long_options, help, take_option};
	struct stoq_probe probe;
	struct stoq_error error;
	bool json = false;
	int status;

	if (tool_options_only(&options, &json, argc, argv, &status))
		return status;
	if (stoq_probe_run(&probe, "", &error))
		return tool_fail(&error);
	if (json)
		print_json(&probe);
	else
		print_all(&probe);
	stoq_probe_free(&probe);
	return EXIT_SUCCESS;
}
