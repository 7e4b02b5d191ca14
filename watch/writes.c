// SPDX-License-Identifier: BSD-2-Clause
#include "watch/writes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flow/label.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"
#include "watch/events.h"
#include "watch/happenings.h"
#include "watch/overlaps.h"
#include "watch/wanted.h"

#define TOLD_MAX    100 /* events between two readings; all are counted */
#define CONNECTION  96
#define WRITE_WORDS 80

static struct stoq_overlap_place place_of(const struct stoq_ledger_flow *flow)
{
	return flow ? (struct stoq_overlap_place){flow->identity.host_nqn,
			      flow->identity.subsystem_nqn, flow->identity.cntlid}
		    : (struct stoq_overlap_place){"", "", -1};
}

static const char *describe(char text[static WRITE_WORDS], const struct stoq_overlap_write *write)
{
	char opcode[NVME_NAME_LENGTH];
	int used = snprintf(text, WRITE_WORDS, "%.24s 0x%04x LBA %llu+",
		nvme_opcode_name(NVME_QUEUE_IO, write->opcode, 0, opcode), write->cid,
		(unsigned long long)write->slba);

	if (write->blocks == STOQ_WRITE_ALL_BLOCKS)
		snprintf(text + used, WRITE_WORDS - (size_t)used, "all");
	else
		snprintf(text + used, WRITE_WORDS - (size_t)used, "%u", write->blocks);
	return text;
}

/* What became of the first one: its end, or that of its connection, before or after the second one began. */
static void add_end(char *reason, size_t size, const struct stoq_overlap *overlap)
{
	const struct stoq_overlap_write *first = &overlap->first;
	uint64_t began_ns = overlap->second.start_ns;
	bool before = first->end_ns < began_ns;
	char time[STOQ_TEXT_NUMBER];
	size_t used = strlen(reason);

	snprintf(reason + used, size - used, ", %s %s %s",
		first->end == STOQ_OVERLAP_CUT ? "its connection ended" : "ended",
		stoq_text_time(
			time, before ? began_ns - first->end_ns : first->end_ns - began_ns, ""),
		before ? "before" : "after");
}

static void explain(char reason[static STOQ_HAPPENING_REASON], const struct stoq_overlap *overlap,
	const struct stoq_identity *first)
{
	char one[WRITE_WORDS], other[WRITE_WORDS], connection[STOQ_LABEL_SIZE];

	stoq_group_label(connection, first, STOQ_BY_CONNECTION, CONNECTION);
	snprintf(reason, STOQ_HAPPENING_REASON, "%s, namespace %u, %s: %s of %.*s",
		describe(other, &overlap->second), overlap->nsid,
		overlap->same_host ? "the same host" : "another host",
		describe(one, &overlap->first), CONNECTION, connection);
	add_end(reason, STOQ_HAPPENING_REASON, overlap);
}

/* Which of the two connections the filter lets tell of it. */
static const struct stoq_ledger_flow *teller(const struct stoq_watch *watch,
	const struct stoq_ledger_flow *first, const struct stoq_ledger_flow *second)
{
	return stoq_wanted_flow(watch, second) || !stoq_wanted_flow(watch, first) ? second : first;
}

void stoq_writes_tell(struct stoq_watch *watch, const struct stoq_overlap *overlap)
{
	const struct stoq_ledger_flow *first = stoq_watch_flow_of(watch, overlap->first.uid, true),
				      *second =
					      stoq_watch_flow_of(watch, overlap->second.uid, true);
	struct stoq_event_happening event = {.what = STOQ_HAPPENED_OVERLAP,
		.uid = overlap->second.uid,
		.time_ns = overlap->second.start_ns,
		.duration_ns = overlap->second.start_ns - overlap->first.start_ns,
		.overlap = overlap,
		.first = first ? &first->identity : &watch->nobody,
		.second = second ? &second->identity : &watch->nobody};

	if (!stoq_filter_wants_command(
		    watch->filter, overlap->nsid, overlap->second.opcode, NVME_QUEUE_IO, 0))
		return;
	watch->overlaps_told++;
	explain(event.reason, overlap, event.first);
	stoq_happening_tell(watch, teller(watch, first, second), &event);
	stoq_happening_record(watch, second, first, &event);
}

static void on_overlap(void *context, const struct stoq_overlap *overlap)
{
	struct stoq_watch *watch = context;

	if (watch->overlaps_told < TOLD_MAX)
		stoq_writes_tell(watch, overlap);
}

int stoq_writes_open(struct stoq_watch *watch)
{
	if (!watch->check)
		return 0;
	watch->overlaps = stoq_overlaps_new(on_overlap, watch);
	return watch->overlaps ? 0 : -ENOMEM;
}

void stoq_writes_on_event(struct stoq_watch *watch, const struct stoq_event_write *event)
{
	bool named = event->what == STOQ_WRITE_BEGINS || event->what == STOQ_WRITE_CONTROLLER_STOPS;
	struct stoq_overlap_place place;

	if (!watch->overlaps || watch->found_recorded)
		return;
	place = place_of(named ? stoq_watch_flow_of(watch, event->uid, true) : NULL);
	(void)stoq_overlaps_take(watch->overlaps, event, &place); /* it counts what has no memory */
	watch->model.overlaps = *stoq_overlaps_counts(watch->overlaps);
}

void stoq_writes_on_ended(struct stoq_watch *watch, const struct stoq_event_command *event)
{
	struct stoq_overlap_place place;

	if (!watch->overlaps || watch->found_recorded)
		return;
	place = place_of(stoq_watch_flow_of(watch, event->uid, true));
	(void)stoq_overlaps_take_ended(watch->overlaps, event, &place);
	watch->model.overlaps = *stoq_overlaps_counts(watch->overlaps);
}
