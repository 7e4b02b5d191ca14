// SPDX-License-Identifier: BSD-2-Clause
/* Names of any code are short texts; any text that has a code is named by it again. */
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp.h"

#include "require.h"

#include <string.h>

static void names_of_codes(const unsigned char *data)
{
	enum nvme_queue_kind kind = data[0] & 1;
	char buffer[NVME_NAME_LENGTH];
	const char *name = nvme_opcode_name(kind, data[1], data[2], buffer);

	require(name[0] && (name != buffer || strlen(name) < sizeof(buffer)));
	name = nvme_status_name(kind, data[1], (uint16_t)(data[2] << 8 | data[3]), buffer);
	require(name[0] && (name != buffer || strlen(name) < sizeof(buffer)));
	require(nvme_tcp_pdu_name(data[1])[0]);
}

static void codes_of_names(enum nvme_queue_kind kind, const char *name)
{
	char buffer[NVME_NAME_LENGTH];
	uint8_t opcode, fctype;
	uint16_t status;

	if (!nvme_opcode_from_name(kind, name, &opcode, &fctype))
		require(strlen(nvme_opcode_name(kind, opcode, fctype, buffer)) == strlen(name));
	if (!nvme_status_from_name(kind, NVME_OPCODE_FABRICS, name, &status))
		require(strlen(nvme_status_name(kind, NVME_OPCODE_FABRICS, status, buffer)) ==
			strlen(name));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *name;

	if (size < 4)
		return 0;
	names_of_codes(data);
	/* On the heap and of exact size, so that a sanitizer sees every read beyond it. */
	name = strndup((const char *)data + 1, size - 1);
	require(name);
	codes_of_names(data[0] & 1, name);
	free(name);
	return 0;
}
