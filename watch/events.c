// SPDX-License-Identifier: BSD-2-Clause
#include "watch/events.h"

#include <errno.h>

#include "watch/flows.h"
#include "watch/watch_private.h"

#define DISPATCH_MAX	     16384 /* events a call: the caller has other things to do, too */
#define IDENTIFY_INTERVAL_NS 20000000

/* An event's flow may have begun after the last reading of the flows: read them again then. */
static const struct stoq_identity *identity_of(struct stoq_watch *watch, uint32_t uid)
{
	struct stoq_ledger_flow *flow = stoq_ledger_flow_find(&watch->ledger, uid);
	uint64_t now = stoq_watch_now(watch);

	if (!flow && (watch->decoder || now - watch->identified_ns >= IDENTIFY_INTERVAL_NS)) {
		stoq_flows_identify(watch);
		watch->identified_ns = now;
		flow = stoq_ledger_flow_find(&watch->ledger, uid);
	}
	return flow ? &flow->identity : &watch->nobody;
}

int stoq_watch_on_event(void *context, void *data, size_t size)
{
	struct stoq_watch *watch = context;
	const struct stoq_event_handlers *handlers = watch->handlers;
	uint32_t type = size >= sizeof(type) ? *(uint32_t *)data : 0;

	if (!handlers)
		return 0;
	if (type == STOQ_EVENT_COMMAND && size >= sizeof(struct stoq_event_command) &&
		handlers->command) {
		struct stoq_event_command *event = data;

		if (event->staged && size < sizeof(struct stoq_event_staged))
			return 0;
		/* The decoder of captures has stages always. */
		if (watch->decoder && !watch->model.staged)
			event->staged = 0;
		handlers->command(handlers->context, event, identity_of(watch, event->uid));
	} else if (type == STOQ_EVENT_PDU && size >= sizeof(struct stoq_event_pdu) &&
		   handlers->pdu) {
		handlers->pdu(handlers->context, data);
	}
	return ++watch->delivered < DISPATCH_MAX ? 0 : -EAGAIN;
}
