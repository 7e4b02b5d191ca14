// SPDX-License-Identifier: BSD-2-Clause
#include "record/commands.h"

#include <errno.h>

#include "capture/table.h"

static int take_all(struct stoq_record_reader *reader, FILE *out, struct stoq_table *connections,
	stoq_record_take take, void *context, struct stoq_error *error)
{
	struct stoq_record_entry entry;
	int result;

	while ((result = stoq_record_next(reader, &entry, error)) == 1) {
		if (entry.kind == STOQ_RECORD_CONNECTION)
			stoq_table_put(
				connections, &entry.connection.uid, &entry.connection, false);
		if (entry.kind != STOQ_RECORD_COMMAND)
			continue;
		take(context, &entry.command, stoq_table_find(connections, &entry.command.uid));
		if (ferror(out))
			return stoq_error_set(error, -EIO, "cannot write the output");
	}
	return result;
}

int stoq_record_each(struct stoq_record_reader *reader, FILE *out, stoq_record_take take,
	void *context, struct stoq_error *error)
{
	struct stoq_table *connections = stoq_table_new(STOQ_TABLE_LRU, sizeof(uint32_t),
		sizeof(struct stoq_record_connection), STOQ_RECORD_COMMANDS_CONNECTIONS);
	int result;

	if (!connections)
		return stoq_error_set(error, -ENOMEM, "no memory to export the record");
	result = take_all(reader, out, connections, take, context, error);
	stoq_table_free(connections);
	return result;
}
