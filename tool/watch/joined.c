// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/joined.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timestamp.h"
#include "capture/table.h"
#include "join/live.h"
#include "join/render.h"
#include "join/render_json.h"
#include "tool/message.h"
#include "tool/watch/link.h"
#include "tool/watch/options.h"
#include "tool/watch/report.h"

#define VERSIONS      65536 /* connections; one that makes way is added again */
#define WIDTH_DEFAULT 100

enum state { READING, ENDED, BROKEN };

struct watch_joined {
	const struct watch_options *options;
	struct watch_link *link;
	FILE *stream;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* for all that follows */
	struct stoq_join_live *live;
	struct stoq_join_maps maps;
	enum state state;
	int failed;    /* a negative errno: no memory */
	char node[65]; /* the other machine's name; "": not known yet */
	struct stoq_error why;
	/* Of this thread. */
	struct stoq_table *versions;
	uint64_t begun_ns, last_ns;
	struct stoq_record_missed before[STOQ_JOIN_SIDES]; /* the last interval */
};

/* ---- the other node's record, in a thread ---- */

static enum stoq_join_side other_side(const struct watch_joined *joined)
{
	return !joined->options->node.side;
}

static int take(struct watch_joined *joined, enum stoq_join_side side,
	const struct stoq_record_entry *entry)
{
	int result;

	pthread_mutex_lock(&joined->lock);
	result = stoq_join_live_add(joined->live, side, entry, stoq_clock_now_ns());
	if (result)
		joined->failed = result;
	pthread_mutex_unlock(&joined->lock);
	return result;
}

static void end_reading(struct watch_joined *joined, enum state state)
{
	pthread_mutex_lock(&joined->lock);
	joined->state = state;
	pthread_mutex_unlock(&joined->lock);
}

static void *read_node(void *argument)
{
	struct watch_joined *joined = argument;
	struct stoq_record_reader *reader;
	struct stoq_record_entry entry;
	struct stoq_error error;
	int result;

	/* Takes the stream over, also if it fails. */
	if (stoq_record_open_stream(
		    &reader, joined->stream, joined->options->node.node.host, &error)) {
		end_reading(joined, BROKEN);
		return NULL;
	}
	pthread_mutex_lock(&joined->lock);
	snprintf(joined->node, sizeof(joined->node), "%s", stoq_record_node(reader));
	pthread_mutex_unlock(&joined->lock);
	do
		result = stoq_record_next(reader, &entry, &error);
	while (result == 1 && take(joined, other_side(joined), &entry) == 0);
	end_reading(joined, result == 0 && !stoq_record_notes(reader)->ends_early ? ENDED : BROKEN);
	stoq_record_close(reader);
	return NULL;
}

/* ---- this watch's ---- */

static void release(struct watch_joined *joined)
{
	stoq_join_live_close(joined->live);
	stoq_table_free(joined->versions);
	pthread_mutex_destroy(&joined->lock);
	free(joined);
}

static int start(struct watch_joined *joined, struct stoq_error *error)
{
	int fd, result;

	joined->versions =
		stoq_table_new(STOQ_TABLE_LRU, sizeof(uint32_t), sizeof(uint32_t), VERSIONS);
	if (!joined->versions ||
		stoq_join_live_open(&joined->live, &joined->maps, STOQ_JOIN_LIVE_ROOM))
		return stoq_error_set(error, -ENOMEM, "no memory to join");
	fd = dup(joined->link->fd);
	joined->stream = fd < 0 ? NULL : fdopen(fd, "rb");
	if (!joined->stream)
		return stoq_error_set(error, -errno, "cannot join: %s", strerror(errno));
	result = pthread_create(&joined->thread, NULL, read_node, joined);
	if (result) {
		fclose(joined->stream);
		return stoq_error_set(
			error, -result, "cannot start a thread: %s", strerror(result));
	}
	joined->started = true;
	return 0;
}

int watch_joined_open(struct watch_joined **joined, const struct watch_options *options,
	struct watch_link *link, struct stoq_error *error)
{
	struct watch_joined *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "no memory to join");
	opened->options = options;
	opened->link = link;
	opened->maps = options->node.maps;
	opened->begun_ns = opened->last_ns = stoq_clock_now_ns();
	pthread_mutex_init(&opened->lock, NULL);
	result = start(opened, error);
	if (result)
		release(opened);
	else
		*joined = opened;
	return result;
}

int watch_joined_add(struct watch_joined *joined, const struct stoq_record_entry *entry)
{
	return take(joined, joined->options->node.side, entry);
}

bool watch_joined_knows(struct watch_joined *joined, uint32_t uid, uint32_t version)
{
	const uint32_t *known = stoq_table_find(joined->versions, &uid);

	if (known && *known == version)
		return true;
	stoq_table_put(joined->versions, &uid, &version, false);
	return false;
}

bool watch_joined_works(struct watch_joined *joined)
{
	bool works;

	pthread_mutex_lock(&joined->lock);
	works = joined->state == READING && !joined->failed;
	pthread_mutex_unlock(&joined->lock);
	return works;
}

/* ---- what is shown ---- */

/* Whose the two sides are. own: room for this machine's name. */
static void name_sides(
	const struct watch_joined *joined, struct stoq_join_names *names, char own[static 65])
{
	enum stoq_join_side side = joined->options->node.side;

	gethostname(own, 64);
	own[64] = '\0';
	names->files[side] = "this node";
	names->nodes[side] = own;
	names->files[!side] = joined->options->node.node.host;
	names->nodes[!side] = joined->node[0] ? joined->node : "not known yet";
}

static void note_lost(struct watch_joined *joined, struct stoq_join_names *names, bool total)
{
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		const struct stoq_record_missed *now = stoq_join_live_missed(joined->live, side);

		names->notes[side].missed.lost =
			now->lost - (total ? 0 : joined->before[side].lost);
		joined->before[side] = *now;
	}
}

static char *as_json(struct watch_joined *joined, const struct stoq_join *join,
	const struct stoq_join_names *names, uint64_t now_ns, bool total)
{
	struct stoq_join_moment moment = {.type = total ? "join_summary" : "join_interval",
		.time_unix_ns = stoq_clock_unix_ns(),
		.elapsed_ns = now_ns - joined->begun_ns,
		.interval_ns = now_ns - (total ? joined->begun_ns : joined->last_ns)};

	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		moment.waiting[side] = stoq_join_live_waiting(joined->live, side);
	return stoq_join_render_live_json(join, names, &moment);
}

static char *as_text(struct watch_joined *joined, const struct stoq_join *join,
	const struct stoq_join_names *names, bool total)
{
	char time[STOQ_TIMESTAMP], *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	stoq_timestamp_local(time, stoq_clock_unix_ns(), 3);
	fprintf(file,
		"\n%s  %s; %" PRIu64 " of the host and %" PRIu64
		" of the target wait for their other half\n",
		time, total ? "all of the time" : "the last interval",
		stoq_join_live_waiting(joined->live, STOQ_JOIN_HOST),
		stoq_join_live_waiting(joined->live, STOQ_JOIN_TARGET));
	stoq_join_render(file, join, names, tool_output_width(WIDTH_DEFAULT));
	return fclose(file) ? NULL : text;
}

/* The other node's thread waits meanwhile. */
static void show(struct watch_joined *joined, struct watch_report *report, bool total)
{
	struct stoq_join_names names = {0};
	uint64_t now_ns = stoq_clock_now_ns();
	struct stoq_join *join;
	char own[65] = "", *text;

	pthread_mutex_lock(&joined->lock);
	stoq_join_live_expire(joined->live, now_ns);
	join = total ? stoq_join_live_total(joined->live) : stoq_join_live_interval(joined->live);
	name_sides(joined, &names, own);
	note_lost(joined, &names, total);
	text = report->mode == WATCH_JSON ? as_json(joined, join, &names, now_ns, total)
					  : as_text(joined, join, &names, total);
	stoq_join_live_begin(joined->live);
	pthread_mutex_unlock(&joined->lock);
	joined->last_ns = now_ns;
	watch_report_add(report, text);
}

void watch_joined_interval(struct watch_joined *joined, struct watch_report *report)
{
	show(joined, report, false);
}

static int explain(const struct watch_joined *joined, struct stoq_error *error)
{
	const char *host = joined->options->node.node.host;

	if (joined->failed)
		return stoq_error_set(error, joined->failed, "no memory to join");
	if (joined->state == BROKEN && !joined->node[0])
		return stoq_error_set(error, -EIO,
			"the record of %s cannot be read: the message before this one has the "
			"reason",
			host);
	if (joined->state == BROKEN)
		return stoq_error_set(error, -EIO,
			"the record of %s ended early: the join ends there. Start the watch again "
			"when the node can be reached",
			host);
	if (joined->state == ENDED)
		tool_notice("the watch of %s has ended", host);
	return 0;
}

int watch_joined_close(
	struct watch_joined *joined, struct watch_report *report, struct stoq_error *error)
{
	bool text = report && report->mode != WATCH_JSON;
	int result;

	if (!joined)
		return 0;
	result = explain(joined, error); /* before the end that is made here */
	shutdown(joined->link->fd, SHUT_RDWR);
	pthread_join(joined->thread, NULL);
	if (report && report->mode == WATCH_JSON)
		show(joined, report, false); /* intervals add up to the whole */
	/* Of a node that was never reached there is no table. */
	if (report && !(text && !joined->node[0] && result))
		show(joined, report, true);
	release(joined);
	return result;
}
