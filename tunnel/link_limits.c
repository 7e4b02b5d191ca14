// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/link_limits.h"

#include "tunnel/identity.h"
#include "tunnel/link.h"

/* Since when the capsule is here: in the transport, if its lane was not taken. */
static uint64_t arrival_of(
	const struct stoq_tunnel_link *link, unsigned int lane, size_t at, uint64_t now_ns)
{
	const struct stoq_lane *from = link->lanes[lane];
	struct stoq_stream_info info;

	if (!from || !from->arrivals.count)
		return now_ns;
	stoq_stream_info(from->stream, &info);
	return stoq_arrivals_of(&from->arrivals, info.taken + at, now_ns);
}

uint64_t stoq_link_admit(void *context, unsigned int lane, size_t at,
	const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size)
{
	struct stoq_tunnel_link *link = context;
	struct stoq_tunnel_worker *worker = link->worker;

	if (!stoq_rates_wanted(worker->policy) || !link->mux.qid ||
		command->sqe.opcode == NVME_OPCODE_FABRICS ||
		stoq_identity_denies(link, command, pdu, size))
		return 0;
	return stoq_rates_charge(worker->tunnel->rates, worker->policy, &link->rates,
		&link->subject, &command->sqe, arrival_of(link, lane, at, worker->now_ns),
		worker->now_ns);
}

void stoq_link_limits_note(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++) {
		struct stoq_stream_info info;

		if (!link->lanes[i] || !link->mux.lanes[i] || !link->mux.lanes[i]->waits)
			continue;
		stoq_stream_info(link->lanes[i]->stream, &info);
		stoq_arrivals_note(&link->lanes[i]->arrivals, info.received, now_ns);
	}
}

static void wake(void *argument)
{
	struct stoq_tunnel_link *link = argument;

	link->alarm = NULL;
	stoq_link_limits_look(link, stoq_now_ns());
	stoq_link_touch(link);
}

void stoq_link_limits_look(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	struct stoq_tunnel_worker *worker = link->worker;
	uint64_t next_ns;

	if (!stoq_rates_wanted(worker->policy))
		return; /* nothing waits: stoq_link_limits_changed() */
	next_ns = stoq_mux_look_at_waiting(&link->mux, now_ns);
	if (!next_ns || (link->alarm && link->alarm_ns <= next_ns))
		return;
	stoq_link_limits_note(link, now_ns);
	stoq_alarm_cancel(link->alarm);
	link->alarm = NULL;
	link->alarm_ns = next_ns;
	if (stoq_alarm_set(
		    worker->tunnel->transport, worker->index, next_ns, wake, link, &link->alarm))
		stoq_link_reset(link, STOQ_LANE_LIMIT, "no memory for a timer");
}

void stoq_link_limits_changed(struct stoq_tunnel_link *link)
{
	stoq_mux_ask_again(&link->mux);
}

void stoq_link_limits_leave(struct stoq_tunnel_link *link)
{
	stoq_alarm_cancel(link->alarm);
	link->alarm = NULL;
	stoq_rates_leave(link->worker->tunnel->rates, &link->rates);
}
