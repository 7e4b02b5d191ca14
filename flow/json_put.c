// SPDX-License-Identifier: BSD-2-Clause
#include "flow/json_put.h"

#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"

struct json_object *stoq_json_new_foreign(const char *value, size_t length)
{
	size_t used = strnlen(value, length), size = 4 * used + 1;
	struct json_object *string = NULL;
	char *clean = malloc(size);

	if (clean && used)
		string = json_object_new_string(
			stoq_text_clean(clean, size, value, used, STOQ_TEXT_UTF8));
	free(clean);
	return string;
}

void stoq_json_put_foreign(
	struct json_object *object, const char *key, const char *value, size_t length)
{
	stoq_json_put(object, key, stoq_json_new_foreign(value, length));
}

void stoq_json_put_time(struct json_object *object, uint64_t unix_ns)
{
	char text[STOQ_TIMESTAMP];

	stoq_json_put_string(object, "time", stoq_timestamp_utc(text, unix_ns, 9));
	stoq_json_put_u64(object, "time_unix_ns", unix_ns);
}

const char *stoq_json_queue_kind(enum nvme_queue_kind kind)
{
	return kind == NVME_QUEUE_ADMIN ? "admin" : "io";
}

void stoq_json_put_opcode(
	struct json_object *object, enum nvme_queue_kind kind, uint8_t opcode, uint8_t fctype)
{
	char buffer[NVME_NAME_LENGTH];

	stoq_json_put_string(object, "queue", stoq_json_queue_kind(kind));
	stoq_json_put_u64(object, "opcode", opcode);
	stoq_json_put_known(object, "fctype", opcode == NVME_OPCODE_FABRICS, fctype);
	stoq_json_put_string(object, "opcode_name", nvme_opcode_name(kind, opcode, fctype, buffer));
}

void stoq_json_put_status(
	struct json_object *object, enum nvme_queue_kind kind, uint8_t opcode, uint16_t status)
{
	char buffer[NVME_NAME_LENGTH];

	stoq_json_put_u64(object, "status", status);
	stoq_json_put_string(object, "status_name", nvme_status_name(kind, opcode, status, buffer));
}

void stoq_json_put_identity(struct json_object *object, const struct stoq_identity *identity)
{
	stoq_json_put_foreign(object, "host_nqn", identity->host_nqn, sizeof(identity->host_nqn));
	stoq_json_put_foreign(
		object, "subsystem_nqn", identity->subsystem_nqn, sizeof(identity->subsystem_nqn));
	stoq_json_put_foreign(
		object, "host_address", identity->host_address, sizeof(identity->host_address));
	stoq_json_put_foreign(object, "controller_address", identity->controller_address,
		sizeof(identity->controller_address));
	stoq_json_put_known(object, "cntlid", identity->cntlid >= 0, (uint64_t)identity->cntlid);
	stoq_json_put_known(object, "qid", identity->qid >= 0, (uint64_t)identity->qid);
}
