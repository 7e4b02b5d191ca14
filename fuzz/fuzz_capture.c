// SPDX-License-Identifier: BSD-2-Clause
/*
 * A capture, from the file to the rendered model: libpcap, link types, the decoder with small tables,
 * and every event. Whatever the file has, the figures agree with each other.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/file.h"
#include "require.h"
#include "watch/capture.h"
#include "watch/render_json.h"

static struct counts {
	uint64_t commands, pdus;
	uint64_t now_ns;
} counts;

static void on_command(
	void *context, const struct stoq_event_command *event, const struct stoq_identity *queue)
{
	require(queue && event->latency_ns < STOQ_SLOT_TIME);
	counts.commands++;
}

static void on_pdu(void *context, const struct stoq_event_pdu *event)
{
	require(event->header_bytes <= NVME_TCP_HEADER_MAX);
	counts.pdus++;
}

static int on_packet(void *context, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	require(packet->captured <= packet->length);
	require(now_ns >= counts.now_ns);
	counts.now_ns = now_ns;
	stoq_watch_packet(context, packet, now_ns);
	return 0;
}

static void check(const struct stoq_model *model)
{
	uint64_t commands = 0;
	char *text = stoq_json_summary(model, counts.now_ns);

	for (size_t i = 0; i < model->group_count; i++)
		commands += model->groups[i].total.commands;
	require(text && commands == model->overall.total.commands);
	require(model->pdus == counts.pdus);
	/* Commands without a time (AER) are no events unless they fail. */
	require(counts.commands <= commands);
	require(model->counters[STOQ_COUNT_PACKETS] >= model->counters[STOQ_COUNT_NVME_PACKETS]);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct stoq_event_handlers handlers = {.command = on_command, .pdu = on_pdu};
	struct stoq_watch_config config;
	struct stoq_capture_file *capture;
	struct stoq_capture_sink sink = {on_packet, NULL};
	const struct stoq_model *model;
	struct stoq_watch *watch;
	struct stoq_error error;
	FILE *file;

	if (!size)
		return 0;
	counts = (struct counts){0};
	file = fmemopen((void *)bytes, size, "rb");
	require(file);
	if (stoq_capture_open(&capture, file, "input", &error))
		return 0;
	stoq_watch_config_init(&config);
	config.max_flows = config.max_series = 4;
	config.max_commands = config.max_early = 1;
	config.slow_ns = 0;
	config.report_errors = config.report_pdus = true;
	config.check = size % 2;
	require(!stoq_watch_open_capture(&watch, &config, "capture", "input", &handlers, &error));
	sink.context = watch;
	while (stoq_capture_read(capture, &sink, 64, &error) == 1)
		continue;
	require(!stoq_watch_update(watch, &model, &error));
	check(model);
	stoq_watch_close(watch);
	stoq_capture_close(capture);
	return 0;
}
