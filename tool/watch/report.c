// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/report.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "flow/render_event.h"
#include "tool/watch/options.h"
#include "tool/watch/screen.h"
#include "watch/history.h"
#include "watch/render_event.h"
#include "watch/render_json.h"
#include "watch/render_json_event.h"
#include "watch/render_terminal.h"

#define WIDTH_DEFAULT	80
#define END_PATIENCE_MS 1000 /* how long the totals wait for a reader that does not read */

uint64_t watch_report_now(const struct watch_report *report)
{
	if (report->file_now_ns)
		return report->file_now_ns;
	return stoq_clock_now_ns() + report->unix_offset_ns;
}

static void free_pictures(struct watch_report *report)
{
	free(report->heat);
	report->heat = NULL;
	free(report->history);
	report->history = NULL;
}

/* What is kept of the time that has passed. 0 or -ENOMEM. */
static int open_pictures(struct watch_report *report, bool heat, bool history)
{
	const struct watch_options *options = report->options;

	report->heat = heat ? calloc(1, sizeof(*report->heat)) : NULL;
	report->history = history ? calloc(1, sizeof(*report->history)) : NULL;
	if ((heat && !report->heat) || (history && !report->history))
		return -ENOMEM;
	if (heat)
		report->heat->interval_ns = options->interval_ns;
	if (history)
		report->history->unix_offset_ns = report->unix_offset_ns;
	report->view.heat = report->heat;
	report->view.history = report->history;
	report->view.show_history = history && options->events;
	return 0;
}

int watch_report_open(struct watch_report *report, const struct watch_options *options,
	enum watch_mode mode, uint64_t unix_offset_ns, int stop_fd)
{
	*report = (struct watch_report){.mode = mode,
		.options = options,
		.unix_offset_ns = unix_offset_ns,
		.view = {.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
			.cursor = mode == WATCH_SCREEN}};
	if (open_pictures(report, options->heatmap || mode == WATCH_SCREEN, mode == WATCH_SCREEN)) {
		free_pictures(report);
		return -ENOMEM;
	}
	return tool_output_init(&report->output, STDOUT_FILENO, stop_fd);
}

void watch_report_note(struct watch_report *report, const struct stoq_model *model)
{
	if (report->heat)
		stoq_heat_take(report->heat, model);
}

/* Adds a text that a renderer made, and frees it. */
static void add_rendered(struct watch_report *report, char *text, bool line)
{
	if (text)
		tool_output_add(&report->output, text, line);
	else
		report->out_of_memory = true;
	free(text);
}

void watch_report_add(struct watch_report *report, char *text)
{
	add_rendered(report, text, true);
	tool_output_flush(&report->output);
}

static void add_text(struct watch_report *report, const struct stoq_model *model,
	const struct stoq_view *view, bool picture)
{
	char *text = NULL;

	if (stoq_render_text(&text, model, view, tool_output_width(WIDTH_DEFAULT), picture))
		text = NULL;
	add_rendered(report, text, true);
}

/* The heatmap comes with the totals. */
static void add_interval_text(
	struct watch_report *report, const struct stoq_model *model, bool histogram)
{
	struct stoq_view view = report->view;

	view.heat = NULL;
	add_text(report, model, &view, histogram);
}

void watch_report_interval(struct watch_report *report, const struct stoq_model *model)
{
	bool histogram = report->options->histogram;

	if (report->quiet)
		return;
	switch (report->mode) {
	case WATCH_SCREEN:
		if (watch_screen_draw(model, &report->view))
			report->out_of_memory = true;
		break;
	case WATCH_JSON:
		add_rendered(report, stoq_json_interval(model, watch_report_now(report), histogram),
			true);
		break;
	case WATCH_TEXT:
		/* Lines of events would drown between blocks of figures. */
		if (!watch_options_want_events(report->options))
			add_interval_text(report, model, histogram);
		break;
	case WATCH_METRICS:
		break;
	}
	tool_output_flush(&report->output);
}

int watch_report_end(
	struct watch_report *report, const struct stoq_model *model, struct stoq_error *error)
{
	struct stoq_view totals = {.unicode = report->view.unicode,
		.totals = true,
		.heat = report->options->heatmap ? report->heat : NULL};
	int result;

	if (report->mode == WATCH_SCREEN)
		watch_screen_close();
	watch_metrics_close(report->metrics);
	if (report->quiet)
		model = NULL;
	if (model && report->mode == WATCH_JSON)
		add_rendered(report, stoq_json_summary(model, watch_report_now(report)), true);
	else if (model && report->mode != WATCH_METRICS)
		add_text(report, model, &totals, true);
	free_pictures(report);
	result = tool_output_end(&report->output, END_PATIENCE_MS);
	if (report->out_of_memory)
		return stoq_error_set(error, -ENOMEM, "no memory for the report");
	return tool_output_explain(result, error);
}

static void add_heading(struct watch_report *report, bool *done, const char *heading)
{
	if (!*done)
		tool_output_add(&report->output, heading, true);
	*done = true;
}

static void on_command(
	void *context, const struct stoq_event_command *event, const struct stoq_identity *queue)
{
	struct watch_report *report = context;
	char line[STOQ_EVENT_LINE];

	if (report->mode == WATCH_JSON) {
		add_rendered(report, stoq_json_command(event, queue, report->unix_offset_ns), true);
		return;
	}
	add_heading(report, &report->has_command_heading, stoq_event_command_heading());
	stoq_event_command_line(line, event, queue, report->unix_offset_ns);
	tool_output_add(&report->output, line, true);
	if (stoq_event_stages_line(line, event))
		tool_output_add(&report->output, line, true);
}

static void on_pdu(void *context, const struct stoq_event_pdu *event)
{
	struct watch_report *report = context;
	char line[STOQ_EVENT_LINE];

	if (report->mode == WATCH_JSON) {
		add_rendered(report, stoq_json_pdu(event, report->unix_offset_ns), true);
		return;
	}
	add_heading(report, &report->has_pdu_heading, stoq_event_pdu_heading());
	stoq_event_pdu_line(line, event, report->unix_offset_ns);
	tool_output_add(&report->output, line, true);
}

static void on_happening(
	void *context, const struct stoq_event_happening *event, const struct stoq_identity *queue)
{
	struct watch_report *report = context;
	char line[STOQ_EVENT_LINE];

	if (report->history)
		stoq_history_add(report->history, event, queue);
	if (!report->options->events || report->history)
		return;
	if (report->mode == WATCH_JSON) {
		add_rendered(
			report, stoq_json_happening(event, queue, report->unix_offset_ns), true);
		return;
	}
	add_heading(report, &report->has_event_heading, stoq_event_happening_heading());
	stoq_event_happening_line(line, event, queue, report->unix_offset_ns);
	tool_output_add(&report->output, line, true);
}

void watch_report_handlers(struct watch_report *report, struct stoq_event_handlers *handlers)
{
	*handlers = (struct stoq_event_handlers){
		.command = on_command, .pdu = on_pdu, .happening = on_happening, .context = report};
}

void watch_report_threshold(struct watch_report *report, const struct stoq_threshold *threshold)
{
	add_rendered(report, stoq_json_threshold(threshold), true);
}

bool watch_report_is_over(const struct watch_report *report)
{
	return report->output.closed || report->out_of_memory;
}
