/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Fields of json-c objects. Each function takes over what it adds; without memory a field becomes
 * null, or is left out.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void stoq_json_put(struct json_object *object, const char *key, struct json_object *value);
void stoq_json_put_u64(struct json_object *object, const char *key, uint64_t value);
void stoq_json_put_bool(struct json_object *object, const char *key, bool value);
/* A text of ours; NULL becomes null. */
void stoq_json_put_string(struct json_object *object, const char *key, const char *value);
/* With one decimal. */
void stoq_json_put_rate(struct json_object *object, const char *key, double per_second);
/* null unless known */
void stoq_json_put_known(struct json_object *object, const char *key, bool known, uint64_t value);

/*
 * The object that a verb prints. The version grows when a field changes its meaning or is removed.
 * NULL: no memory.
 */
struct json_object *stoq_json_new_report(const char *type, uint64_t schema_version);

/* The object as one line without a newline, for free(); the object is freed. NULL: no memory. */
char *stoq_json_finish(struct json_object *object);

/* Prints the object as a line and frees it. 0 or -ENOMEM: nothing was printed. */
int stoq_json_print(FILE *file, struct json_object *object);
