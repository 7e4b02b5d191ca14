// SPDX-License-Identifier: BSD-2-Clause
#include "watch/outstanding.h"

/* From the slots of the flows and from the table that all flows share. */
#include <errno.h>

#include "flow/identity.h"
#include "watch/wanted.h"

/*
 * Not known to be under way: it began before completions were missed, perhaps its own. Times are
 * known modulo STOQ_SLOT_TIME.
 */
static bool is_doubtful(uint64_t doubt_ns, uint64_t start_ns)
{
	return doubt_ns && ((doubt_ns - start_ns) & (STOQ_SLOT_TIME - 1)) < STOQ_SLOT_TIME / 2;
}

/* The line of this flow; the search begins with the last one that was found. NULL: none. */
static struct stoq_flow_line *find_line(struct stoq_model *model, uint32_t uid, size_t *last)
{
	for (size_t i = 0; i < model->flow_count; i++) {
		size_t at = (*last + i) % model->flow_count;

		if (model->flows[at].uid == uid) {
			*last = at;
			return &model->flows[at];
		}
	}
	return NULL;
}

static int count_outstanding(
	struct stoq_watch *watch, uint32_t uid, const struct stoq_command *command, size_t *last)
{
	struct stoq_flow_line *line = find_line(&watch->model, uid, last);
	struct stoq_ledger_series series = {
		.key = {.uid = uid,
			.nsid = command->nsid,
			.opcode = command->opcode,
			.kind = command->kind,
			.fctype = command->fctype},
		.flow = stoq_ledger_flow_find(&watch->ledger, uid),
	};
	struct stoq_identity identity;
	struct stoq_group *group;

	if (!stoq_wanted_series(watch, &series))
		return 0;
	stoq_ledger_identify(&series, watch->model.sized, &identity);
	group = stoq_groups_of(&watch->groups, &identity, watch->model.axis);
	if (!group)
		return -ENOMEM;
	if (watch->totals && stoq_totals_begun(watch->totals, &identity))
		return -ENOMEM;
	group->outstanding++;
	if (line)
		line->outstanding++;
	return 0;
}

/* The commands in this flow's own slots. A slot may be read while it changes: its owner is written
 * last, so what it says of a command is whole. */
static int take_own(struct stoq_watch *watch, const struct stoq_flow *flow, size_t *last)
{
	int result = 0;

	for (size_t i = 0; i < STOQ_OWN_SLOTS && !result; i++) {
		struct stoq_command command;

		if (flow->slots[i].owner == STOQ_COMMAND_FREE)
			continue;
		stoq_slot_unpack(&command, &flow->slots[i]);
		if (!command.untimed && !is_doubtful(flow->doubt_ns, command.start_ns))
			result = count_outstanding(watch, flow->uid, &command, last);
	}
	return result;
}

/*
 * The commands in the table that all flows share. Frees the places of those whose connection is
 * gone: nobody will complete them. A command that begins or ends meanwhile may be seen or not.
 */
static int take_shared(struct stoq_watch *watch)
{
	size_t last = 0;

	for (size_t i = 0; i < watch->command_count; i++) {
		struct stoq_slot *slot = &watch->commands[i];
		__u32 owner = __atomic_load_n(&slot->owner, __ATOMIC_ACQUIRE), uid = owner >> 2;
		struct stoq_ledger_flow *flow;
		struct stoq_command command;

		if (owner == STOQ_COMMAND_FREE)
			continue;
		flow = stoq_ledger_flow_find(&watch->ledger, uid);
		/* A flow that is not there, though it began before the maps were read. */
		if (flow ? !flow->open : uid <= watch->last_uid) {
			__atomic_compare_exchange_n(&slot->owner, &owner, STOQ_COMMAND_FREE, false,
				__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
			continue;
		}
		stoq_slot_unpack(&command, slot);
		if (command.nsid == STOQ_SLOT_NSID_FAR)
			command.nsid = watch->details[i].nsid;
		if (!flow || command.untimed || is_doubtful(flow->doubt_ns, command.start_ns))
			continue;
		if (count_outstanding(watch, uid, &command, &last))
			return -ENOMEM;
	}
	return 0;
}

int stoq_outstanding_count(struct stoq_watch *watch)
{
	size_t last = 0; /* flows and lines have the same order */

	for (size_t i = 0; i < watch->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);

		if (!flow->uid || stoq_flow_state_of(flow) == STOQ_FLOW_CLOSED)
			continue;
		if (take_own(watch, flow, &last))
			return -ENOMEM;
	}
	return take_shared(watch);
}
