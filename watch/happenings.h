/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What happens to connections: counted, and told to the handler, once each, when a reading of the flows
 * shows it. The table of flows keeps those that have ended until others need their room.
 */
#include "bpf/stream/stream_shared.h"
#include "watch/watch_private.h"

/* Counts it, and hands it on at once, if its flow is wanted. entry: its flow; NULL: not known. */
void stoq_happening_tell(struct stoq_watch *watch, const struct stoq_ledger_flow *entry,
	const struct stoq_event_happening *event);

/* For the recorder, if a connection of it is wanted: a violation, or writes that overlap; other: see struct stoq_event_handlers. */
void stoq_happening_record(const struct stoq_watch *watch, const struct stoq_ledger_flow *flow,
	const struct stoq_ledger_flow *other, const struct stoq_event_happening *event);

/* A flow as it was read now. */
void stoq_happenings_of_flow(
	struct stoq_watch *watch, struct stoq_ledger_flow *entry, const struct stoq_flow *flow);

/* All flows were read: which hosts have been silent for too long? 0 or -ENOMEM. */
int stoq_happenings_of_silence(struct stoq_watch *watch);

/* Hands what was found to the handler, in the order in which it happened. 0 or -ENOMEM. */
int stoq_happenings_hand_on(struct stoq_watch *watch);
