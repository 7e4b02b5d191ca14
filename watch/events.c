// SPDX-License-Identifier: BSD-2-Clause
#include "watch/events.h"

#include <errno.h>

#include "flow/violations.h"
#include "watch/flows.h"
#include "watch/happenings.h"
#include "watch/wanted.h"
#include "watch/writes.h"

#define DISPATCH_MAX 16384 /* events a call: the caller has other things to do, too */

/* Whether it is worth reading the flows again for this one: one that began after the last reading. */
static bool is_worth_reading(const struct stoq_watch *watch, uint32_t uid)
{
	return (int32_t)(uid - watch->identified_uid) > 0;
}

/*
 * The controller of a connection is known when its Connect has ended, with which it is in the record already: the
 * next command is to come behind an entry that has it.
 */
static bool has_news(const struct stoq_watch *watch, const struct stoq_ledger_flow *flow)
{
	return watch->record && watch->controllers_news && flow->identity.cntlid < 0;
}

/*
 * An event's flow may have begun after the last reading of the flows: read them again then. It may have had no names
 * then; where a command has ended its Connect has passed, and one look is enough.
 */
const struct stoq_ledger_flow *stoq_watch_flow_of(
	struct stoq_watch *watch, uint32_t uid, bool ended)
{
	struct stoq_ledger_flow *flow = stoq_ledger_flow_find(&watch->ledger, uid);

	if (flow && !flow->names_looked_for) {
		stoq_flows_name(watch, flow);
		flow->names_looked_for = ended;
	}
	if (flow ? !has_news(watch, flow) : !is_worth_reading(watch, uid))
		return flow;
	watch->controllers_news = false;
	watch->identified_uid =
		__atomic_load_n(&watch->kernel[STOQ_GLOBAL_LAST_UID], __ATOMIC_ACQUIRE);
	if ((int32_t)(uid - watch->identified_uid) > 0)
		watch->identified_uid = uid; /* of a record: numbered elsewhere */
	stoq_flows_identify(watch);
	return stoq_ledger_flow_find(&watch->ledger, uid);
}

/* With a record, every command is an event. */
static bool is_asked_for(const struct stoq_watch *watch, const struct stoq_event_command *event)
{
	return event->latency_ns >= watch->slow_ns || (event->status && watch->report_errors);
}

static void on_command(struct stoq_watch *watch, struct stoq_event_command *event)
{
	const struct stoq_event_handlers *handlers = watch->handlers;
	const struct stoq_ledger_flow *flow = stoq_watch_flow_of(watch, event->uid, true);
	bool wanted = stoq_wanted_event(watch, event, flow);

	if (watch->record && handlers->record && wanted)
		handlers->record(handlers->record_context, event, flow);
	if (event->opcode == NVME_OPCODE_FABRICS && event->fctype == NVME_FABRICS_CONNECT &&
		!event->status)
		watch->controllers_news = true;
	/* The decoder of captures has stages always. */
	if (watch->decoder && !watch->model.staged)
		event->staged = 0;
	if (handlers->command && wanted && is_asked_for(watch, event))
		handlers->command(
			handlers->context, event, flow ? &flow->identity : &watch->nobody);
}

/* The flow is looked for only if it matters. */
static void on_pdu(struct stoq_watch *watch, const struct stoq_event_pdu *event)
{
	if (!stoq_filter_has_flows(watch->filter) ||
		stoq_wanted_flow(watch, stoq_watch_flow_of(watch, event->uid, false)))
		watch->handlers->pdu(watch->handlers->context, event);
}

void stoq_watch_on_violation(struct stoq_watch *watch, const struct stoq_event_violation *event)
{
	const struct stoq_ledger_flow *flow;
	struct stoq_event_happening happening = {.what = STOQ_HAPPENED_VIOLATION,
		.uid = event->uid,
		.time_ns = event->time_ns,
		.violation = event};

	_Static_assert(STOQ_VIOLATION_TEXT <= STOQ_HAPPENING_REASON, "there is room for it");
	stoq_violation_text(happening.reason, event);
	flow = stoq_watch_flow_of(watch, event->uid, false);
	stoq_happening_tell(watch, flow, &happening);
	stoq_happening_record(watch, flow, NULL, &happening);
}

static bool is_command(const void *data, size_t size)
{
	const struct stoq_event_command *event = data;

	return size >= sizeof(*event) && event->type == STOQ_EVENT_COMMAND &&
	       (!event->staged || size >= sizeof(struct stoq_event_staged));
}

int stoq_watch_on_event(void *context, void *data, size_t size)
{
	struct stoq_watch *watch = context;
	const struct stoq_event_handlers *handlers = watch->handlers;
	uint32_t type = size >= sizeof(type) ? *(uint32_t *)data : 0;

	if (!handlers)
		return 0;
	if (is_command(data, size))
		on_command(watch, data);
	else if (type == STOQ_EVENT_PDU && size >= sizeof(struct stoq_event_pdu) && handlers->pdu)
		on_pdu(watch, data);
	else if (type == STOQ_EVENT_WRITE && size >= sizeof(struct stoq_event_write))
		stoq_writes_on_event(watch, data);
	else if (type == STOQ_EVENT_VIOLATION && size >= sizeof(struct stoq_event_violation))
		stoq_watch_on_violation(watch, data);
	return ++watch->delivered < DISPATCH_MAX ? 0 : -EAGAIN;
}
