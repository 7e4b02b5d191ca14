/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the JSON renderers share: fields of an object. Without memory a field becomes null. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/model.h"

void stoq_json_put(struct json_object *object, const char *key, struct json_object *value);
void stoq_json_put_u64(struct json_object *object, const char *key, uint64_t value);
void stoq_json_put_bool(struct json_object *object, const char *key, bool value);
void stoq_json_put_rate(struct json_object *object, const char *key, double per_second);

/* null unless known */
void stoq_json_put_known(struct json_object *object, const char *key, bool known, uint64_t value);

/* A string of ours. */
void stoq_json_put_string(struct json_object *object, const char *key, const char *value);

/* A string from the wire, up to length bytes; null if it is empty. */
void stoq_json_put_foreign(
	struct json_object *object, const char *key, const char *value, size_t length);

/* RFC 3339 in UTC with nanoseconds, and the same as a number: "time", "time_unix_ns". */
void stoq_json_put_time(struct json_object *object, uint64_t unix_ns);

void stoq_json_put_identity(struct json_object *object, const struct stoq_identity *identity);
void stoq_json_put_opcode(
	struct json_object *object, enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype);
void stoq_json_put_status(
	struct json_object *object, enum nvme_queue_kind kind, uint8_t opcode, uint16_t status);

const char *stoq_json_queue_kind(enum nvme_queue_kind kind);

/* A new object of this type that says the schema's version. NULL: no memory. */
struct json_object *stoq_json_new(const char *type);

/* The object as one line, and the object is gone. */
char *stoq_json_finish(struct json_object *object);
