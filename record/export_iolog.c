// SPDX-License-Identifier: BSD-2-Clause
#include "record/export_iolog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/table.h"
#include "record/commands.h"
#include "record/export.h"

#define WAITING	  262144 /* commands that are put into order of their start: a power of two */
#define FILES_MAX 4096

/* A namespace of a subsystem. */
struct file_key {
	char subsystem_nqn[NVME_NQN_LENGTH];
	struct stoq_flow_end controller; /* of a subsystem without a name */
	uint32_t nsid;
	uint32_t pad;
};

struct file {
	uint32_t number;
	uint32_t block_bytes; /* 0: not known yet */
	bool opened;
};

struct action {
	uint64_t start_ns, offset;
	struct file_key key;
	uint32_t bytes;
	uint8_t opcode;
};

struct iolog {
	FILE *out;
	struct stoq_table *files;
	struct action *heap; /* the one that began first is in front */
	size_t count;
	uint32_t file_count;
	uint64_t base_ns, last_us;
	bool begun;
	struct stoq_export_notes *notes;
};

/* ---- in the order of their start ---- */

static void swap(struct action *one, struct action *other)
{
	struct action kept = *one;

	*one = *other;
	*other = kept;
}

static void push(struct iolog *iolog, const struct action *action)
{
	size_t at = iolog->count++;

	iolog->heap[at] = *action;
	for (; at && iolog->heap[(at - 1) / 2].start_ns > iolog->heap[at].start_ns;
		at = (at - 1) / 2)
		swap(&iolog->heap[at], &iolog->heap[(at - 1) / 2]);
}

static struct action pop(struct iolog *iolog)
{
	struct action first = iolog->heap[0];
	size_t at = 0;

	iolog->heap[0] = iolog->heap[--iolog->count];
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < iolog->count &&
				iolog->heap[child].start_ns < iolog->heap[least].start_ns)
				least = child;
		if (least == at)
			return first;
		swap(&iolog->heap[at], &iolog->heap[least]);
		at = least;
	}
}

/* ---- lines ---- */

static uint64_t time_us(struct iolog *iolog, uint64_t start_ns)
{
	uint64_t us;

	if (!iolog->begun)
		iolog->base_ns = start_ns;
	iolog->begun = true;
	us = start_ns > iolog->base_ns ? (start_ns - iolog->base_ns) / 1000 : 0;
	if (us < iolog->last_us) {
		iolog->notes->late++;
		us = iolog->last_us;
	}
	iolog->last_us = us;
	return us;
}

static void put(struct iolog *iolog, const struct action *action)
{
	struct file *file = stoq_table_find(iolog->files, &action->key);
	uint64_t us = time_us(iolog, action->start_ns);
	char name[64];

	snprintf(name, sizeof(name), "subsystem%u-namespace%u", file->number, action->key.nsid);
	if (!file->opened)
		fprintf(iolog->out, "%" PRIu64 " %s add\n%" PRIu64 " %s open\n", us, name, us,
			name);
	file->opened = true;
	if (action->opcode == NVME_NVM_FLUSH)
		fprintf(iolog->out, "%" PRIu64 " %s sync 0 0\n", us, name);
	else
		fprintf(iolog->out, "%" PRIu64 " %s %s %" PRIu64 " %u\n", us, name,
			action->opcode == NVME_NVM_READ ? "read" : "write", action->offset,
			action->bytes);
	iolog->notes->written++;
}

/* ---- commands ---- */

/* A subsystem has one number, whatever its namespaces. */
static uint32_t number_of(struct iolog *iolog, const struct file_key *key)
{
	struct file_key subsystem = *key;
	struct file fresh = {.number = iolog->file_count + 1}, *file;

	subsystem.nsid = 0;
	file = stoq_table_find(iolog->files, &subsystem);
	if (file)
		return file->number;
	if (stoq_table_put(iolog->files, &subsystem, &fresh, true))
		return 0;
	return ++iolog->file_count;
}

/* NULL: there are too many. */
static struct file *file_of(struct iolog *iolog, const struct file_key *key)
{
	struct file *file = stoq_table_find(iolog->files, key), fresh = {0};

	if (file)
		return file;
	fresh.number = number_of(iolog, key);
	if (!fresh.number || stoq_table_put(iolog->files, key, &fresh, true))
		return NULL;
	return stoq_table_find(iolog->files, key);
}

/* False: fio cannot repeat it. */
static bool keep(struct iolog *iolog, const struct stoq_record_command *command,
	const struct stoq_record_connection *connection)
{
	bool moves = command->opcode == NVME_NVM_READ || command->opcode == NVME_NVM_WRITE;
	struct action action;

	if (command->kind != NVME_QUEUE_IO || !command->nsid ||
		(!moves && command->opcode != NVME_NVM_FLUSH) ||
		(moves && (!command->blocks || command->bytes < command->blocks)))
		return false;
	memset(&action, 0, sizeof(action)); /* its key is compared as bytes */
	action.start_ns = command->start_unix_ns;
	action.bytes = command->bytes;
	action.opcode = command->opcode;
	action.key.nsid = command->nsid;
	if (connection)
		memcpy(action.key.subsystem_nqn, connection->subsystem_nqn,
			sizeof(action.key.subsystem_nqn));
	if (connection && !connection->subsystem_nqn[0])
		action.key.controller = connection->controller;
	if (!file_of(iolog, &action.key))
		return false;
	if (moves)
		action.offset = command->slba * (command->bytes / command->blocks);
	if (iolog->count == WAITING) {
		struct action first = pop(iolog);

		put(iolog, &first);
	}
	push(iolog, &action);
	return true;
}

static void take(void *context, const struct stoq_record_command *command,
	const struct stoq_record_connection *connection)
{
	struct iolog *iolog = context;

	if (!keep(iolog, command, connection))
		iolog->notes->other++;
}

static int take_all(
	struct iolog *iolog, struct stoq_record_reader *reader, struct stoq_error *error)
{
	int result = stoq_record_each(reader, iolog->out, take, iolog, error);

	while (iolog->count) {
		struct action first = pop(iolog);

		put(iolog, &first);
	}
	return result;
}

int stoq_export_iolog(FILE *out, struct stoq_record_reader *reader, struct stoq_export_notes *notes,
	struct stoq_error *error)
{
	struct iolog iolog = {.out = out, .notes = notes};
	int result;

	*notes = (struct stoq_export_notes){0};
	iolog.files = stoq_table_new(
		STOQ_TABLE_HASH, sizeof(struct file_key), sizeof(struct file), FILES_MAX);
	iolog.heap = calloc(WAITING, sizeof(*iolog.heap));
	if (iolog.files && iolog.heap) {
		fputs("fio version 3 iolog\n", out);
		result = take_all(&iolog, reader, error);
	} else {
		result = stoq_error_set(error, -ENOMEM, "no memory to export the record");
	}
	stoq_table_free(iolog.files);
	free(iolog.heap);
	return result;
}
