// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "capture/file.h"
#include "tool/message.h"
#include "tool/watch/keys.h"
#include "watch/capture.h"

#define PACKETS_A_TIME 4096 /* between two looks for signals */
#define OVER	       1    /* a sink's result: enough was read */

struct replay {
	const struct watch_options *options;
	const char *name; /* for messages */
	struct stoq_watch *watch;
	struct stoq_capture_file *capture;
	struct watch_report report;
	struct stoq_event_handlers handlers;
	const struct stoq_model *model; /* of the last update; NULL: there was none */
	uint64_t next_ns, end_ns;	/* of the file's clock; 0: not known yet */
	int signal_fd;
	struct stoq_error *error;
};

static int update(struct replay *replay, uint64_t now_ns)
{
	stoq_watch_set_now(replay->watch, now_ns);
	replay->report.file_now_ns = now_ns;
	return stoq_watch_update(replay->watch, &replay->model, replay->error);
}

/* An interval that has ended before this packet. Those without a packet are not shown. */
static int tick(struct replay *replay, uint64_t now_ns)
{
	uint64_t interval = replay->options->interval_ns;
	int result;

	if (!replay->options->interval_given || now_ns < replay->next_ns)
		return 0;
	result = update(replay, replay->next_ns);
	if (!result)
		watch_report_interval(&replay->report, replay->model);
	replay->next_ns += ((now_ns - replay->next_ns) / interval + 1) * interval;
	return result;
}

static int take(void *context, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	struct replay *replay = context;
	int result;

	if (!replay->end_ns) {
		replay->next_ns = now_ns + replay->options->interval_ns;
		replay->end_ns = replay->options->duration_ns
					 ? now_ns + replay->options->duration_ns
					 : UINT64_MAX;
	}
	if (now_ns > replay->end_ns || watch_report_is_over(&replay->report))
		return OVER;
	result = tick(replay, now_ns);
	replay->report.file_now_ns = now_ns;
	if (!result)
		stoq_watch_packet(replay->watch, packet, now_ns);
	return result;
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
static int read_packets(struct replay *replay)
{
	const struct stoq_capture_sink sink = {take, replay};
	int result;

	do {
		result = stoq_capture_read(replay->capture, &sink, PACKETS_A_TIME, replay->error);
		tool_output_flush(&replay->report.output);
		if (result == 1 &&
			(is_told_to_end(replay) || watch_report_is_over(&replay->report)))
			return 0;
	} while (result == 1);
	return result;
}

/* What the figures do not show. */
static void say_what_was_remarkable(const struct replay *replay)
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
	if (notes->other)
		tool_notice("%" PRIu64 " of %" PRIu64 " packets are not IP, or cut before it",
			notes->other, notes->packets);
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

static int show(struct replay *replay, enum watch_mode mode)
{
	struct stoq_error second = {0};
	int result = watch_report_open(&replay->report, replay->options,
		mode == WATCH_SCREEN ? WATCH_TEXT : mode, 0, replay->signal_fd);
	int failed, ended;

	if (result)
		return stoq_error_set(replay->error, result, "no memory");
	watch_report_handlers(&replay->report, &replay->handlers);
	failed = read_packets(replay);
	if (failed > 0)
		failed = 0;
	if (failed && failed != -EPROTO)
		result = failed;
	else
		result = update(replay, replay->report.file_now_ns);
	if (!result && (mode == WATCH_JSON || replay->options->interval_given))
		watch_report_interval(&replay->report, replay->model);
	if (!result)
		say_what_was_remarkable(replay);
	if (!result && !failed && mode == WATCH_SCREEN && watch_screen_open() == 0) {
		replay->report.mode = WATCH_SCREEN;
		result = browse(replay);
	}
	ended = watch_report_end(&replay->report, result ? NULL : replay->model, &second);
	if (result || failed)
		return result ? result : failed;
	if (ended)
		*replay->error = second;
	return ended;
}

static FILE *open_file(const struct watch_options *options, struct stoq_error *error)
{
	FILE *file = strcmp(options->read, "-") == 0 ? fdopen(dup(STDIN_FILENO), "rb")
						     : fopen(options->read, "rbe");

	if (!file)
		stoq_error_set(error, -errno, "cannot open %s: %s", options->read, strerror(errno));
	return file;
}

int watch_replay_run(const struct watch_options *options, enum watch_mode mode, int signal_fd,
	struct stoq_error *error)
{
	struct replay replay = {.options = options,
		.name = strcmp(options->read, "-") == 0 ? "standard input" : options->read,
		.signal_fd = signal_fd,
		.error = error};
	FILE *file = open_file(options, error);
	int result;

	if (!file)
		return error->code;
	result = stoq_capture_open(&replay.capture, file, replay.name, error);
	if (!result)
		result = stoq_watch_open_capture(
			&replay.watch, &options->config, replay.name, &replay.handlers, error);
	if (!result)
		result = show(&replay, mode);
	stoq_watch_close(replay.watch);
	stoq_capture_close(replay.capture);
	return result;
}
