/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Shorthands for building json-c objects. Each takes over what it adds. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

static inline void stoq_json_add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static inline void stoq_json_add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static inline void stoq_json_add_flag(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

/* What every verb's object begins with; the version grows when a field changes its meaning or goes.
 */
static inline struct json_object *stoq_json_new_report(const char *type, uint64_t schema_version)
{
	struct json_object *object = json_object_new_object();

	stoq_json_add_number(object, "schema_version", schema_version);
	stoq_json_add_text(object, "type", type);
	return object;
}
