// SPDX-License-Identifier: BSD-2-Clause
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stoq_json_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || json_object_object_add(object, key, value) != 0)
		json_object_put(value);
}

void stoq_json_put_u64(struct json_object *object, const char *key, uint64_t value)
{
	stoq_json_put(object, key, json_object_new_uint64(value));
}

void stoq_json_put_bool(struct json_object *object, const char *key, bool value)
{
	stoq_json_put(object, key, json_object_new_boolean(value));
}

void stoq_json_put_string(struct json_object *object, const char *key, const char *value)
{
	stoq_json_put(object, key, value ? json_object_new_string(value) : NULL);
}

void stoq_json_put_rate(struct json_object *object, const char *key, double per_second)
{
	char digits[48];

	snprintf(digits, sizeof(digits), "%.1f", per_second);
	stoq_json_put(object, key, json_object_new_double_s(per_second, digits));
}

void stoq_json_put_known(struct json_object *object, const char *key, bool known, uint64_t value)
{
	stoq_json_put(object, key, known ? json_object_new_uint64(value) : NULL);
}

struct json_object *stoq_json_new_report(const char *type, uint64_t schema_version)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "schema_version", schema_version);
	stoq_json_put_string(object, "type", type);
	return object;
}

char *stoq_json_finish(struct json_object *object)
{
	const char *text = NULL;
	char *copy;

	if (object)
		text = json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(object);
	return copy;
}

int stoq_json_print(FILE *file, struct json_object *object)
{
	char *text = stoq_json_finish(object);

	if (!text)
		return -ENOMEM;
	fprintf(file, "%s\n", text);
	free(text);
	return 0;
}
