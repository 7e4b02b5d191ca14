// SPDX-License-Identifier: BSD-2-Clause
#include "record/export_csv.h"

#include <inttypes.h>
#include <string.h>

#include "nvme/nvme_names.h"
#include "record/commands.h"
#include "record/export.h"

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

struct csv {
	FILE *out;
	struct stoq_export_notes *notes;
};

static void take(void *context, const struct stoq_record_command *command,
	const struct stoq_record_connection *connection)
{
	struct csv *csv = context;

	put_connection(csv->out, connection);
	put_command(csv->out, command);
	csv->notes->written++;
}

int stoq_export_csv(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error)
{
	struct csv csv = {out, notes};

	*notes = (struct stoq_export_notes){0};
	fputs("host_nqn,subsystem_nqn,host,controller,cntlid,qid,start_unix_ns,latency_ns,"
	      "opcode_name,queue,opcode,cid,nsid,slba,blocks,bytes,status,tcp_sequence,"
	      "answer_ns,host_ns,data_ns,end_ns\n",
		out);
	return stoq_record_each(reader, out, take, &csv, error);
}
