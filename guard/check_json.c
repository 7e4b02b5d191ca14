// SPDX-License-Identifier: BSD-2-Clause
#include "guard/check_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow/json_put.h"
#include "guard/print.h"
#include "guard/warnings.h"

#define SCHEMA_VERSION 1

/* Texts have parts of the file in them, and paths: whatever bytes those have. */
static void put_text(struct json_object *object, const char *key, const char *text)
{
	stoq_json_put_foreign(object, key, text, strlen(text));
}

static void add_mistake(struct json_object *list, const char *file, struct stoq_guard_place place,
	const char *message, const char *hint)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "file", file);
	stoq_json_put_known(object, "line", place.line != 0, place.line);
	stoq_json_put_known(object, "column", place.line != 0, place.column);
	put_text(object, "message", message);
	put_text(object, "hint", hint);
	json_object_array_add(list, object);
}

static struct json_object *mistakes_as_json(const char *path,
	const struct stoq_guard_mistakes *mistakes, const struct stoq_error *error)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < mistakes->count; i++) {
		const struct stoq_guard_mistake *mistake = &mistakes->items[i];

		add_mistake(list, mistake->file, mistake->place, mistake->text, mistake->hint);
	}
	if (!mistakes->count && error)
		add_mistake(list, path, (struct stoq_guard_place){0, 0}, error->text, "");
	return list;
}

struct warning_list {
	struct json_object *list;
	const char *path;
};

static void add_warning(void *context, const struct stoq_guard_rule *rule, const char *text)
{
	const struct warning_list *warnings = context;
	struct json_object *object = json_object_new_object();

	put_text(
		object, "file", rule ? stoq_guard_rule_file(rule, warnings->path) : warnings->path);
	stoq_json_put_known(object, "line", rule != NULL, rule ? rule->line : 0);
	put_text(object, "message", text);
	json_object_array_add(warnings->list, object);
}

static struct json_object *files_as_json(const struct stoq_guard_source *source)
{
	struct json_object *list = json_object_new_array();
	const char *path;

	for (size_t i = 0; (path = stoq_guard_policy_file(&source->policy, i)); i++)
		json_object_array_add(list, stoq_json_new_foreign(path, strlen(path)));
	return list;
}

static void put_policy(
	struct json_object *object, const char *path, const struct stoq_guard_source *source)
{
	struct warning_list warnings = {json_object_new_array(), path};
	char hash[20];

	if (source) {
		snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)source->compiled->hash);
		stoq_guard_warnings_find(&source->policy, source->compiled, add_warning, &warnings);
	}
	stoq_json_put_string(object, "hash", source ? hash : NULL);
	stoq_json_put_known(
		object, "rules", source != NULL, source ? source->policy.rule_count : 0);
	stoq_json_put(object, "files", source ? files_as_json(source) : NULL);
	stoq_json_put(object, "warnings", warnings.list);
}

int stoq_guard_check_json(FILE *file, const char *path, const struct stoq_guard_source *source,
	const struct stoq_guard_mistakes *mistakes, const struct stoq_error *error)
{
	struct json_object *object = stoq_json_new_report("guard_check", SCHEMA_VERSION);

	put_text(object, "file", path);
	stoq_json_put_bool(object, "valid", source != NULL);
	stoq_json_put(object, "errors", mistakes_as_json(path, mistakes, source ? NULL : error));
	stoq_json_put_u64(object, "errors_not_listed", mistakes->total - mistakes->count);
	put_policy(object, path, source);
	return stoq_json_print(file, object);
}
