// SPDX-License-Identifier: BSD-2-Clause
/*
 * A record, as stoq watch -r reads it, to the rendered model. Checksums are made right, so that what
 * lies behind them is reached, if the first input byte is odd.
 */
#include <stdlib.h>
#include <string.h>

#include "mend.h"
#include "record/reader.h"
#include "require.h"
#include "watch/capture.h"
#include "watch/render_json.h"

static uint64_t feed(struct stoq_watch *watch, struct stoq_record_reader *reader)
{
	struct stoq_record_entry entry;
	struct stoq_error error;
	uint64_t now = 1, commands = 0;

	while (stoq_record_next(reader, &entry, &error) == 1) {
		if (entry.kind == STOQ_RECORD_CONNECTION) {
			require(strlen(entry.connection.host_nqn) < NVME_NQN_LENGTH);
			require(strlen(entry.connection.subsystem_nqn) < NVME_NQN_LENGTH);
		}
		commands += entry.kind == STOQ_RECORD_COMMAND;
		stoq_watch_set_now(watch, now++);
		stoq_watch_entry(watch, &entry);
	}
	return commands;
}

static void show(struct stoq_record_reader *reader)
{
	struct stoq_watch_config config;
	const struct stoq_model *model;
	struct stoq_watch *watch;
	struct stoq_error error;
	uint64_t commands;
	char *text;

	stoq_watch_config_init(&config);
	config.max_flows = config.max_series = 4;
	config.max_commands = config.max_early = 1;
	config.check = stoq_record_notes(reader)->checked;
	require(!stoq_watch_open_capture(&watch, &config, "record", "input", NULL, &error));
	if (stoq_record_notes(reader)->checked)
		stoq_watch_use_found(watch);
	commands = feed(watch, reader);
	require(commands == stoq_record_notes(reader)->commands);
	require(!stoq_watch_update(watch, &model, &error));
	require(model->overall.total.commands == commands);
	text = stoq_json_summary(model, 1);
	require(text);
	free(text);
	stoq_watch_close(watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct stoq_record_reader *reader;
	struct stoq_error error;
	uint8_t *copy;
	FILE *file;

	if (size < 2)
		return 0;
	copy = malloc(size - 1);
	require(copy);
	memcpy(copy, bytes + 1, size - 1);
	if (bytes[0] & 1)
		mend_record(copy, size - 1);
	file = fmemopen(copy, size - 1, "rb");
	require(file);
	if (!stoq_record_open_stream(&reader, file, "input", &error)) {
		show(reader);
		stoq_record_close(reader);
	}
	free(copy);
	return 0;
}
