/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Fields of connections and commands, beside those of base/json.h. */
#include <stddef.h>

#include "base/json.h"
#include "flow/model.h"

/* Of the lines that watch and guard print: doc/watch-json.md. */
#define STOQ_JSON_SCHEMA_VERSION 1

/* A string from the wire, or of a file, up to length bytes; NULL (null) if it is empty. */
struct json_object *stoq_json_new_foreign(const char *value, size_t length);
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
