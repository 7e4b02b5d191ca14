// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/table.h"
#include "nvme/nvme_names.h"
#include "record/export.h"

#define CONNECTIONS                                                                                \
	65536 /* beyond it the least recently used one is forgotten: its fields are empty */

/* As RFC 4180 has it; what a spreadsheet would take for a formula, or could not show, becomes '_'. */
static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const char *at = text; *at; at++) {
		bool shown = *at >= ' ' && *at < 0x7f;

		if (at == text && strchr("=+-@", *at))
			shown = false;
		if (*at == '"')
			fputc('"', out);
		fputc(shown ? *at : '_', out);
	}
	fputs("\",", out);
}

static void put_connection(FILE *out, const struct stoq_record_connection *connection)
{
	char host[STOQ_FLOW_END_TEXT], controller[STOQ_FLOW_END_TEXT];

	if (!connection) {
		fputs(",,,,,,", out);
		return;
	}
	put_text(out, connection->host_nqn);
	put_text(out, connection->subsystem_nqn);
	put_text(out, stoq_flow_end_text(&connection->host, host));
	put_text(out, stoq_flow_end_text(&connection->controller, controller));
	if (connection->cntlid != STOQ_RECORD_UNKNOWN)
		fprintf(out, "%u", connection->cntlid);
	fputc(',', out);
	if (connection->qid != STOQ_RECORD_UNKNOWN)
		fprintf(out, "%u", connection->qid);
	fputc(',', out);
}

static void put_command(FILE *out, const struct stoq_record_command *command)
{
	char name[NVME_NAME_LENGTH];

	fprintf(out, "%" PRIu64 ",%" PRIu64 ",", command->start_unix_ns, command->latency_ns);
	put_text(out, nvme_opcode_name(command->kind, command->opcode, command->fctype, name));
	fprintf(out, "%s,%u,%u,%u,%" PRIu64 ",%u,%u,%u,%u",
		command->kind == NVME_QUEUE_IO ? "io" : "admin", command->opcode, command->cid,
		command->nsid, command->slba, command->blocks, command->bytes, command->status,
		command->sequence);
	for (size_t i = 0; i < STOQ_STAGES; i++) {
		fputc(',', out);
		if (command->staged)
			fprintf(out, "%" PRIu64, (uint64_t)command->stages.ns[i]);
	}
	fputc('\n', out);
}

static int put_all(FILE *out, struct stoq_record_reader *reader, struct stoq_table *connections,
	struct stoq_export_notes *notes, struct stoq_error *error)
{
	struct stoq_record_entry entry;
	int result;

	while ((result = stoq_record_next(reader, &entry, error)) == 1) {
		if (entry.kind == STOQ_RECORD_CONNECTION)
			stoq_table_put(
				connections, &entry.connection.uid, &entry.connection, false);
		if (entry.kind != STOQ_RECORD_COMMAND)
			continue;
		put_connection(out, stoq_table_find(connections, &entry.command.uid));
		put_command(out, &entry.command);
		notes->written++;
		if (ferror(out))
			return stoq_error_set(error, -EIO, "cannot write the output");
	}
	return result;
}

int stoq_export_csv(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error)
{
	struct stoq_table *connections = stoq_table_new(STOQ_TABLE_LRU, sizeof(uint32_t),
		sizeof(struct stoq_record_connection), CONNECTIONS);
	int result;

	*notes = (struct stoq_export_notes){0};
	if (!connections)
		return stoq_error_set(error, -ENOMEM, "no memory to export the record");
	fputs("host_nqn,subsystem_nqn,host,controller,cntlid,qid,start_unix_ns,latency_ns,"
	      "opcode_name,queue,opcode,cid,nsid,slba,blocks,bytes,status,tcp_sequence,"
	      "answer_ns,host_ns,data_ns,end_ns\n",
		out);
	result = put_all(out, reader, connections, notes, error);
	stoq_table_free(connections);
	return result;
}
