// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tool/message.h"
#include "tool/signals.h"
#include "tool/watch/alarm.h"
#include "tool/watch/hint.h"
#include "tool/watch/joined.h"
#include "tool/watch/keys.h"
#include "tool/watch/nodes.h"
#include "tool/watch/options.h"
#include "tool/watch/recorder.h"
#include "tool/watch/screen.h"

#define DRAIN_ROUNDS 64 /* of 16,384 events: more than the ring buffer has room for */

struct loop {
	struct stoq_watch *watch;
	struct watch_report *report;
	const struct watch_options *options;
	const struct stoq_model *model; /* of the last update */
	const struct watch_source *source;
	const char *why; /* the source does not work any more; NULL: it does */
	struct stoq_event_handlers handlers;
	struct watch_recorder *recorder; /* NULL: nothing is recorded */
	struct watch_nodes nodes;
	struct stoq_error *error;
	int epoll_fd, timer_fd, signal_fd;
	int flush_fd;			    /* a timer, where there are other nodes */
	uint64_t start_ns, next_ns, end_ns; /* CLOCK_MONOTONIC; no end: UINT64_MAX */
	size_t gone;			    /* interfaces, as far as was said */
	bool resumed; /* the view was paused at the last tick: the interval has that time in it */
	bool whole;   /* the last interval is as long as the others */
	bool over;
};

/* The timer goes off at the next tick or at the end, whichever is first. */
static int set_timer(struct loop *loop)
{
	uint64_t at = loop->next_ns < loop->end_ns ? loop->next_ns : loop->end_ns;
	const struct itimerspec setting = {.it_value = {.tv_sec = (time_t)(at / 1000000000),
						   .tv_nsec = (long)(at % 1000000000)}};

	return timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &setting, NULL) ? -errno : 0;
}

/* How many events were delivered, or a negative errno. */
static int dispatch(struct loop *loop)
{
	struct watch_metrics *metrics = loop->report->metrics;
	int delivered;

	watch_metrics_lock(metrics); /* some events are counted */
	delivered = stoq_watch_dispatch(loop->watch, &loop->handlers);
	watch_metrics_unlock(metrics, loop->model);

	if (delivered < 0)
		return stoq_error_set(loop->error, delivered,
			"cannot read the program's events: %s", strerror(-delivered));
	tool_output_flush(&loop->report->output);
	return delivered;
}

/* The view and JSON show which interfaces are gone. */
static void look_for_interfaces(struct loop *loop)
{
	const struct stoq_model *model = loop->model;
	size_t gone = stoq_model_gone(model);

	if (gone != loop->gone && loop->report->mode == WATCH_TEXT)
		tool_notice(
			"%zu of %zu watched interfaces went away", gone, model->interface_count);
	loop->gone = gone;
	if (gone == model->interface_count)
		loop->over = true;
}

/* Figures that stand still must not pass for a quiet machine. */
static void look_for_source(struct loop *loop)
{
	const struct watch_source *source = loop->source;

	if (!source || loop->why || source->works(source->context, &loop->why))
		return;
	loop->over = true;
}

/* A scraper sees the model before or after, whole. */
static int read_figures(struct loop *loop)
{
	struct watch_metrics *metrics = loop->report->metrics;
	int result;

	watch_metrics_lock(metrics);
	result = stoq_watch_update(loop->watch, &loop->model, loop->error);
	watch_metrics_unlock(metrics, result ? NULL : loop->model);
	if (!result)
		result = watch_recorder_tick(
			loop->recorder, loop->model, tool_now_ns(), loop->error);
	return result;
}

static int update(struct loop *loop)
{
	int result = dispatch(loop);

	if (result < 0)
		return result;
	result = read_figures(loop);
	if (!result) {
		watch_hint_look(loop->report, loop->model);
		look_for_interfaces(loop);
		look_for_source(loop);
	}
	return result;
}

/* An interval has ended. True: a threshold ends the watch. */
static bool note(struct loop *loop)
{
	bool judged = !loop->resumed;

	watch_report_note(loop->report, loop->model);
	loop->resumed = false;
	if (judged)
		return watch_alarm_judge(loop->report, loop->model);
	watch_alarm_interrupt(loop->report);
	return false;
}

static int on_timer(struct loop *loop)
{
	uint64_t now = tool_now_ns(), expirations;
	int result;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0)
		return 0;
	if (now >= loop->end_ns) {
		loop->over = true;
		loop->whole = loop->next_ns == loop->end_ns;
		return 0;
	}
	if (loop->report->view.paused) {
		loop->resumed = true;
	} else {
		result = update(loop);
		if (result)
			return result;
		if (note(loop))
			loop->over = true;
		if (loop->nodes.joined)
			watch_joined_interval(loop->nodes.joined, loop->report);
		else
			watch_report_interval(loop->report, loop->model);
	}
	/* Ticks stay where they were meant to be; those that are gone are gone. */
	loop->next_ns += ((now - loop->next_ns) / loop->options->interval_ns + 1) *
			 loop->options->interval_ns;
	return set_timer(loop);
}

/* What other nodes wait for does not wait for the interval. */
static int on_flush(struct loop *loop)
{
	uint64_t expirations;
	int result;

	if (read(loop->flush_fd, &expirations, sizeof(expirations)) < 0)
		return 0;
	result = dispatch(loop);
	return result < 0
		       ? result
		       : watch_nodes_flush(&loop->nodes, loop->recorder, &loop->over, loop->error);
}

static void redraw(struct loop *loop)
{
	if (loop->model)
		watch_report_interval(loop->report, loop->model);
}

static int on_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	if (info.ssi_signo != SIGWINCH) {
		loop->over = true;
	} else if (loop->report->mode == WATCH_SCREEN) {
		watch_screen_resize();
		redraw(loop);
	}
	return 0;
}

static int on_keyboard(struct loop *loop, uint32_t events)
{
	enum watch_key key;
	int result = 0;

	/* The terminal has gone. */
	if (events & (EPOLLHUP | EPOLLERR))
		loop->over = true;
	while (!loop->over && !result && (key = watch_screen_key()) != WATCH_KEY_NONE)
		result = watch_keys_take(
			loop->report, loop->watch, loop->model, key, &loop->over, loop->error);
	if (!result && !loop->over)
		redraw(loop);
	return result;
}

static int handle(struct loop *loop, const struct epoll_event *event)
{
	if (event->data.fd == loop->timer_fd)
		return on_timer(loop);
	if (event->data.fd == loop->flush_fd)
		return on_flush(loop);
	if (event->data.fd == loop->signal_fd)
		return on_signal(loop);
	if (event->data.fd == STDIN_FILENO)
		return on_keyboard(loop, event->events);
	return dispatch(loop) < 0 ? loop->error->code : 0;
}

static int wait_and_handle(struct loop *loop)
{
	struct epoll_event events[4];
	int count = epoll_wait(loop->epoll_fd, events, 4, -1), result = 0;

	if (count < 0 && errno != EINTR)
		return stoq_error_set(
			loop->error, -errno, "cannot wait for events: %s", strerror(errno));
	for (int i = 0; i < count && !result && !loop->over; i++)
		result = handle(loop, &events[i]);
	if (watch_report_is_over(loop->report))
		loop->over = true;
	return result;
}

static int add_fd(struct loop *loop, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int add_flush_timer(struct loop *loop)
{
	const struct itimerspec setting = {.it_interval.tv_nsec = WATCH_NODES_FLUSH_NS,
		.it_value.tv_nsec = WATCH_NODES_FLUSH_NS};

	if (!watch_nodes_are_there(&loop->nodes))
		return 0;
	loop->flush_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->flush_fd < 0 || timerfd_settime(loop->flush_fd, 0, &setting, NULL))
		return -errno;
	return add_fd(loop, loop->flush_fd);
}

static bool has_events(const struct loop *loop)
{
	return loop->recorder || loop->options->config.check ||
	       watch_options_want_events(loop->options);
}

static int prepare(struct loop *loop)
{
	int result;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0)
		result = -errno;
	else
		result = add_fd(loop, loop->timer_fd);
	if (!result)
		result = add_fd(loop, loop->signal_fd);
	if (!result && loop->report->mode == WATCH_SCREEN)
		result = add_fd(loop, STDIN_FILENO);
	if (!result && has_events(loop))
		result = add_fd(loop, stoq_watch_event_fd(loop->watch));
	if (!result)
		result = add_flush_timer(loop);
	if (!result)
		result = set_timer(loop);
	if (result)
		return stoq_error_set(loop->error, result, "cannot set up timers and signals: %s",
			strerror(-result));
	return 0;
}

/* A screen is not left empty until the first tick, nor a scraper without an answer. */
static int first_view(struct loop *loop)
{
	int result;

	if (loop->report->mode != WATCH_SCREEN && loop->report->mode != WATCH_METRICS)
		return 0;
	result = update(loop);
	if (!result)
		redraw(loop);
	return result;
}

/* Events that still wait; a limit, as more may come all the time. */
static int drain(struct loop *loop)
{
	int delivered = has_events(loop);

	for (int i = 0; i < DRAIN_ROUNDS && delivered > 0; i++) {
		delivered = dispatch(loop);
		if (watch_report_is_over(loop->report))
			break;
	}
	return delivered < 0 ? delivered : 0;
}

/* What came after the last tick belongs to the figures, too. */
static int last_reading(struct loop *loop)
{
	int result = drain(loop); /* before events are counted that found no room behind these */

	if (!result)
		result = read_figures(loop);
	if (!result)
		result = drain(loop);
	if (!result)
		result = watch_recorder_tick(
			loop->recorder, loop->model, tool_now_ns(), loop->error);
	if (result)
		return result;
	if (loop->whole && !loop->report->view.paused)
		note(loop);
	else
		watch_report_note(loop->report, loop->model);
	if (loop->report->mode == WATCH_JSON || (loop->report->mode == WATCH_TEXT && loop->whole))
		watch_report_interval(loop->report, loop->model);
	return stoq_watch_set_whole(loop->watch, true)
		       ? stoq_error_set(loop->error, -ENOMEM, "no memory")
		       : 0;
}

/* A file, other nodes, the join with one. */
static int open_sinks(struct loop *loop)
{
	const struct watch_options *options = loop->options;
	int result;

	if (!options->config.record)
		return 0;
	result = watch_recorder_open(&loop->recorder, options->record, options->record_bytes,
		options->config.check, tool_unix_offset_ns(), loop->error);
	if (!result)
		result = watch_nodes_open(&loop->nodes, options, loop->recorder, loop->error);
	watch_recorder_handlers(loop->recorder, &loop->handlers);
	loop->report->quiet = options->node.with;
	return result;
}

/* failed: the watch did, and shows nothing. */
static int close_sinks(struct loop *loop, int failed, struct stoq_error *error)
{
	int recorded = watch_recorder_close(loop->recorder, error);
	int joined = watch_nodes_close(
		&loop->nodes, failed ? NULL : loop->report, recorded ? NULL : error);

	return recorded ? recorded : joined;
}

static void close_descriptors(const struct loop *loop)
{
	const int fds[] = {loop->epoll_fd, loop->timer_fd, loop->flush_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int watch_loop_run(struct stoq_watch *watch, struct watch_report *report,
	const struct watch_source *source, int signal_fd, struct stoq_error *error)
{
	const struct watch_options *options = report->options;
	struct loop loop = {.watch = watch,
		.report = report,
		.source = source,
		.options = options,
		.error = error,
		.epoll_fd = -1,
		.timer_fd = -1,
		.flush_fd = -1,
		.signal_fd = signal_fd,
		.start_ns = tool_now_ns()};
	struct stoq_error second, third = {0};
	int result, ended, recorded;

	watch_report_handlers(report, &loop.handlers);
	loop.next_ns = loop.start_ns + options->interval_ns;
	loop.end_ns = options->duration_ns ? loop.start_ns + options->duration_ns : UINT64_MAX;
	result = open_sinks(&loop);
	if (!result)
		result = prepare(&loop);
	if (!result)
		result = first_view(&loop);
	while (!result && !loop.over)
		result = wait_and_handle(&loop);
	if (!result)
		result = last_reading(&loop);
	recorded = close_sinks(&loop, result, &third);
	ended = watch_report_end(report, result ? NULL : loop.model, result ? &second : error);
	if (recorded && !result && !ended) {
		*error = third;
		ended = recorded;
	}
	close_descriptors(&loop);
	if (result || ended)
		return result ? result : ended;
	if (loop.why)
		return stoq_error_set(error, -ENODEV,
			"the %s, which this watch read, %s: the figures end there. Start the watch "
			"again, and it reads what is there then",
			source->name, loop.why);
	if (loop.gone && loop.gone == loop.model->interface_count)
		return stoq_error_set(error, -ENODEV, "%s went away: nothing is left to watch",
			loop.gone == 1 ? loop.model->interfaces[0] : "all interfaces");
	return 0;
}
