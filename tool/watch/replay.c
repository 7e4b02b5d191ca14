// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/file.h"
#include "record/reader.h"
#include "tool/message.h"
#include "tool/record_notes.h"
#include "tool/watch/alarm.h"
#include "tool/watch/keys.h"
#include "tool/watch/options.h"
#include "tool/watch/recorder.h"
#include "watch/capture.h"

#define ENTRIES_A_TIME 4096 /* between two looks for signals */
#define OVER	       2    /* a sink's result: enough was read */

struct replay {
	const struct watch_options *options;
	const char *name; /* for messages */
	struct stoq_watch *watch;
	struct stoq_capture_file *capture; /* NULL: it is a record */
	struct stoq_record_reader *record; /* NULL: it is a capture */
	struct watch_recorder *recorder;   /* NULL: nothing is recorded */
	struct watch_report report;
	struct stoq_event_handlers handlers;
	const struct stoq_model *model; /* of the last update; NULL: there was none */
	uint64_t next_ns, end_ns;	/* of the file's clock; 0: not known yet */
	bool judged;  /* there was a whole interval; else all of the file is judged as one */
	bool browsed; /* it will be shown on the screen */
	int signal_fd;
	struct stoq_error *error;
};

static int update(struct replay *replay, uint64_t now_ns)
{
	int result;

	stoq_watch_set_now(replay->watch, now_ns);
	replay->report.file_now_ns = now_ns;
	result = stoq_watch_update(replay->watch, &replay->model, replay->error);
	return result ? result
		      : watch_recorder_tick(replay->recorder, replay->model, now_ns, replay->error);
}

/* Figures are read once an interval, not only at the end. */
static bool has_intervals(const struct replay *replay)
{
	const struct watch_options *options = replay->options;

	return options->interval_given || options->thresholds || options->events ||
	       options->heatmap || replay->browsed;
}

/* A screen shows the whole of it. */
static bool shows_intervals(const struct replay *replay)
{
	return replay->options->interval_given && !replay->browsed;
}

static int end_interval(struct replay *replay, uint64_t now_ns)
{
	int result = update(replay, now_ns);

	if (result)
		return result;
	replay->judged = true;
	watch_report_note(&replay->report, replay->model);
	watch_alarm_judge(&replay->report, replay->model);
	if (shows_intervals(replay))
		watch_report_interval(&replay->report, replay->model);
	return 0;
}

/* An interval that has ended before this packet, and those behind it that have no packet, as one. */
static int tick(struct replay *replay, uint64_t now_ns)
{
	uint64_t interval = replay->options->interval_ns, empty;
	int result;

	if (!has_intervals(replay) || now_ns < replay->next_ns)
		return 0;
	result = end_interval(replay, replay->next_ns);
	empty = (now_ns - replay->next_ns) / interval * interval;
	if (!result && empty)
		result = end_interval(replay, replay->next_ns + empty);
	replay->next_ns += empty + interval;
	return result;
}

/* --duration is over. */
static int end_in_time(struct replay *replay)
{
	int result = tick(replay, replay->end_ns);

	replay->report.file_now_ns = replay->end_ns;
	return result ? result : OVER;
}

/* It is so late now in the file. 0: go on; OVER; a negative errno. */
static int pass(struct replay *replay, uint64_t now_ns)
{
	int result;

	if (!replay->end_ns) {
		replay->next_ns = now_ns + replay->options->interval_ns;
		replay->end_ns = replay->options->duration_ns
					 ? now_ns + replay->options->duration_ns
					 : UINT64_MAX;
	}
	if (watch_report_is_over(&replay->report))
		return OVER;
	if (now_ns > replay->end_ns)
		return end_in_time(replay);
	result = tick(replay, now_ns);
	replay->report.file_now_ns = now_ns;
	return result;
}

static int take_packet(void *context, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	struct replay *replay = context;
	int result = pass(replay, now_ns);

	if (!result)
		stoq_watch_packet(replay->watch, packet, now_ns);
	return result;
}

/* When an entry was written; not earlier than the one before: several CPUs fill a record. */
static uint64_t time_of(const struct replay *replay, const struct stoq_record_entry *entry)
{
	uint64_t now = replay->report.file_now_ns;

	if (entry->kind == STOQ_RECORD_COMMAND && entry->command.start_unix_ns < UINT64_MAX / 2 &&
		entry->command.latency_ns < UINT64_MAX / 2)
		now = entry->command.start_unix_ns + entry->command.latency_ns;
	return now > replay->report.file_now_ns ? now : replay->report.file_now_ns;
}

/* As stoq_capture_read(). */
static int read_entries(struct replay *replay)
{
	struct stoq_record_entry entry;

	for (size_t i = 0; i < ENTRIES_A_TIME; i++) {
		int result = stoq_record_next(replay->record, &entry, replay->error);
		uint64_t now;

		if (result < 0)
			return -EPROTO; /* what was read before counts */
		if (!result)
			return 0;
		now = time_of(replay, &entry);
		if (entry.kind == STOQ_RECORD_COMMAND) {
			result = pass(replay, now);
			if (result)
				return result == OVER ? 0 : result;
			stoq_watch_set_now(replay->watch, now);
		}
		stoq_watch_entry(replay->watch, &entry);
	}
	return 1;
}

static bool is_told_to_end(const struct replay *replay)
{
	struct signalfd_siginfo info;

	while (read(replay->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGWINCH)
			return true;
	return false;
}

/* 0, also when it ended early, or a negative errno. */
static int read_all(struct replay *replay)
{
	const struct stoq_capture_sink sink = {take_packet, replay};
	int result;

	do {
		result = replay->record ? read_entries(replay)
					: stoq_capture_read(replay->capture, &sink, ENTRIES_A_TIME,
						  replay->error);
		tool_output_flush(&replay->report.output);
		if (result == 1 &&
			(is_told_to_end(replay) || watch_report_is_over(&replay->report)))
			return 0;
	} while (result == 1);
	return result;
}

/* What the figures do not show. */
static void say_of_capture(const struct replay *replay)
{
	const struct stoq_capture_notes *notes = stoq_capture_notes(replay->capture);

	if (!notes->packets)
		tool_notice("%s has no packets", replay->name);
	if (notes->ends_in_packet)
		tool_notice("%s ends within a packet: it was read up to there", replay->name);
	if (notes->cut)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets were not captured whole (%u bytes "
			    "of each at most): PDU headers behind that are not seen. Capture with "
			    "a snap length of 0 (tcpdump -s 0) to have all",
			notes->cut, notes->packets, notes->cut_at);
	if (notes->backwards)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets have a time before that of an "
			    "earlier packet: latencies are off by that much",
			notes->backwards, notes->packets);
	if (notes->moved)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets were captured behind packets that "
			    "acknowledge them: they were put before these, with their times",
			notes->moved, notes->packets);
	if (notes->untimed)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets have no time: they have that of "
			    "the packet before them",
			notes->untimed, notes->packets);
	if (notes->foreign)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets were left out: they are of an "
			    "interface whose link type (%d) is not understood",
			notes->foreign, notes->packets, notes->foreign_link);
	if (notes->other)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets are not IP, or cut before it",
			notes->other, notes->packets);
}

static void say_of_record(const struct replay *replay)
{
	const struct stoq_record_notes *notes = stoq_record_notes(replay->record);

	tool_record_notes(replay->name, notes);
	if (replay->options->config.stages && notes->unstaged)
		tool_notice("%" PRIu64 " commands of %s were recorded without --stages: all of "
			    "their time stands in the first stage",
			notes->unstaged, replay->name);
	if (replay->options->config.check && !notes->checked)
		tool_notice("%s was recorded without --check: violations of the protocol are not "
			    "in it, and writes that overlap are looked for among commands that "
			    "ended only",
			replay->name);
}

static void say_what_was_remarkable(const struct replay *replay)
{
	if (replay->record)
		say_of_record(replay);
	else
		say_of_capture(replay);
}

/* The whole file, until a key or a signal ends it. */
static int browse(struct replay *replay)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = replay->signal_fd, .events = POLLIN}};
	enum watch_key key;
	bool over = false;
	int result = 0;

	replay->report.view.totals = true;
	result = stoq_watch_set_whole(replay->watch, true)
			 ? stoq_error_set(replay->error, -ENOMEM, "no memory")
			 : 0;
	while (!over && !result) {
		struct signalfd_siginfo info;

		watch_report_interval(&replay->report, replay->model);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return stoq_error_set(
				replay->error, -errno, "cannot wait for keys: %s", strerror(errno));
		while (read(replay->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			if (info.ssi_signo != SIGWINCH)
				return 0;
			watch_screen_resize();
		}
		if (fds[0].revents & (POLLHUP | POLLERR))
			return 0;
		while (!over && !result && (key = watch_screen_key()) != WATCH_KEY_NONE)
			result = watch_keys_take(&replay->report, replay->watch, replay->model, key,
				&over, replay->error);
	}
	return result;
}

static int end_record(struct replay *replay, int result)
{
	struct stoq_error second = {0};
	int recorded = watch_recorder_close(replay->recorder, &second);

	if (result || !recorded)
		return result;
	*replay->error = second;
	return recorded;
}

static bool is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* Neither part of what is read may be replaced by what is recorded. */
static int check_files(const struct watch_options *options, struct stoq_error *error)
{
	const char *read = strcmp(options->read, "-") == 0 ? "/dev/stdin" : options->read;
	char read_older[PATH_MAX + 4], record_older[PATH_MAX + 4];

	snprintf(read_older, sizeof(read_older), "%s.1", read);
	snprintf(record_older, sizeof(record_older), "%s.1", options->record);
	if (!is_same_file(read, options->record) && !is_same_file(read, record_older) &&
		!is_same_file(read_older, options->record) &&
		!is_same_file(read_older, record_older))
		return 0;
	return stoq_error_set(error, -EEXIST,
		"--record %s: it is what is read; record to another file", options->record);
}

/* Whether all that a check finds is at hand: a record may have been made without. */
static bool has_found(const struct replay *replay)
{
	return replay->options->config.check &&
	       (!replay->record || stoq_record_notes(replay->record)->checked);
}

static int start(struct replay *replay, enum watch_mode mode)
{
	const struct watch_options *options = replay->options;
	int result = watch_report_open(&replay->report, options, mode, 0, replay->signal_fd);

	if (result)
		return stoq_error_set(replay->error, result, "no memory");
	replay->browsed = mode == WATCH_SCREEN;
	if (replay->browsed)
		replay->report.mode = WATCH_TEXT; /* while it is read */
	watch_report_handlers(&replay->report, &replay->handlers);
	if (options->record)
		result = check_files(options, replay->error);
	if (!result && options->record)
		result = watch_recorder_open(&replay->recorder, options->record,
			options->record_bytes, has_found(replay), 0, replay->error);
	watch_recorder_handlers(replay->recorder, &replay->handlers);
	return result;
}

/* *failed: the file could not be read to its end; what was read is shown all the same. */
static int read_and_show(struct replay *replay, enum watch_mode mode, int *failed)
{
	int result = read_all(replay);

	*failed = result == -EPROTO ? result : 0;
	if (result < 0 && !*failed)
		return result;
	result = update(replay, replay->report.file_now_ns);
	if (!result)
		watch_report_note(&replay->report, replay->model);
	if (!result && !replay->judged)
		watch_alarm_judge(&replay->report, replay->model);
	if (!result && (mode == WATCH_JSON || shows_intervals(replay)))
		watch_report_interval(&replay->report, replay->model);
	if (!result && stoq_watch_set_whole(replay->watch, true))
		result = stoq_error_set(replay->error, -ENOMEM, "no memory");
	if (!result)
		say_what_was_remarkable(replay);
	if (!result && !*failed && mode == WATCH_SCREEN && watch_screen_open() == 0) {
		replay->report.mode = WATCH_SCREEN;
		result = browse(replay);
	}
	return result;
}

static int show(struct replay *replay, enum watch_mode mode)
{
	struct stoq_error second = {0};
	int result = start(replay, mode), failed = 0, ended;

	if (!result)
		result = read_and_show(replay, mode, &failed);
	ended = watch_report_end(&replay->report, result ? NULL : replay->model, &second);
	result = end_record(replay, result ? result : failed);
	if (ended && !result) {
		*replay->error = second;
		result = ended;
	}
	return result;
}

static FILE *open_file(const struct watch_options *options, struct stoq_error *error)
{
	FILE *file = strcmp(options->read, "-") == 0 ? fdopen(dup(STDIN_FILENO), "rb")
						     : fopen(options->read, "rbe");

	if (!file)
		stoq_error_set(error, -errno, "cannot open %s: %s", options->read, strerror(errno));
	return file;
}

/* A record in a file is read with the file before it. */
static int open_source(struct replay *replay)
{
	FILE *file = open_file(replay->options, replay->error);
	int first;

	if (!file)
		return replay->error->code;
	first = fgetc(file);
	ungetc(first, file);
	if (!stoq_record_begins_with(first))
		return stoq_capture_open(&replay->capture, file, replay->name, replay->error);
	if (strcmp(replay->options->read, "-") == 0)
		return stoq_record_open_stream(&replay->record, file, replay->name, replay->error);
	fclose(file);
	return stoq_record_open(&replay->record, replay->options->read, replay->error);
}

int watch_replay_run(const struct watch_options *options, enum watch_mode mode, int signal_fd,
	struct stoq_error *error)
{
	struct replay replay = {.options = options,
		.name = strcmp(options->read, "-") == 0 ? "standard input" : options->read,
		.signal_fd = signal_fd,
		.error = error};
	int result = open_source(&replay);

	if (!result)
		result = stoq_watch_open_capture(&replay.watch, &options->config,
			replay.record ? "record" : "capture", replay.name, &replay.handlers, error);
	if (!result && replay.record && stoq_record_notes(replay.record)->checked)
		stoq_watch_use_found(replay.watch);
	if (!result)
		result = show(&replay, mode);
	stoq_watch_close(replay.watch);
	stoq_record_close(replay.record);
	stoq_capture_close(replay.capture);
	return result;
}
