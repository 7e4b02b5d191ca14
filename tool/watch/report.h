/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What `stoq watch` shows: intervals, events and the closing totals, on a screen or as lines. */
#include "tool/output.h"
#include "tool/watch/metrics.h"
#include "watch/heat.h"
#include "watch/threshold.h"
#include "watch/view.h"
#include "watch/watch.h"

struct stoq_history;
struct watch_options;

enum watch_mode {
	WATCH_SCREEN, /* the live view */
	WATCH_TEXT,   /* blocks of text, or a line per event */
	WATCH_JSON,
	WATCH_METRICS, /* nothing: a scraper reads the figures */
};

struct watch_report {
	enum watch_mode mode;
	const struct watch_options *options;
	struct tool_output output;
	struct stoq_view view;
	struct watch_metrics *metrics; /* WATCH_METRICS; else NULL. The report closes it */
	uint64_t unix_offset_ns;       /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	uint64_t file_now_ns;	      /* of a file that is read: its time, since 1970; 0: none is */
	char hint[512];		      /* when nothing was seen; view.hint points here */
	struct stoq_history *history; /* on the screen; else NULL: events are lines, or objects */
	struct stoq_heat *heat;	      /* on the screen, and if it was asked for; else NULL */
	bool has_command_heading, has_pdu_heading, has_event_heading;
	bool out_of_memory;
	bool quiet; /* the figures are shown by another: tool/watch/joined.h */
};

/* stop_fd: see struct tool_output. 0 or -ENOMEM. */
int watch_report_open(struct watch_report *report, const struct watch_options *options,
	enum watch_mode mode, uint64_t unix_offset_ns, int stop_fd);

/* An interval has ended, whether it is shown or not. */
void watch_report_note(struct watch_report *report, const struct stoq_model *model);

void watch_report_interval(struct watch_report *report, const struct stoq_model *model);

/* Adds a line or lines that were rendered elsewhere, and frees them. NULL: there was no memory. */
void watch_report_add(struct watch_report *report, char *text);

/*
 * The closing totals. model is of the last update; NULL: there was none. Frees. Fails if the
 * report is not whole, but for a reader that went away.
 */
int watch_report_end(
	struct watch_report *report, const struct stoq_model *model, struct stoq_error *error);

/* Handlers of single events; their context is the report. */
void watch_report_handlers(struct watch_report *report, struct stoq_event_handlers *handlers);

/* Since 1970: of the file that is read, or of the clock. */
uint64_t watch_report_now(const struct watch_report *report);

/* JSON: a threshold has held. */
void watch_report_threshold(struct watch_report *report, const struct stoq_threshold *threshold);

/* The reader has gone, or there was no memory: nothing more will be seen. */
bool watch_report_is_over(const struct watch_report *report);
