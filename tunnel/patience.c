// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/patience.h"

#include <malloc.h>

#include "tunnel/link.h"
#include "tunnel/link_lanes.h"
#include "tunnel/link_limits.h"
#include "tunnel/strays.h"

#define LOOK_EVERY_NS	 1000000000ull
/* A peer that has so little left sends no large packets. */
#define CREDIT_MIN_BYTES 16384
#define TRIM_FROM_QUEUES 64

/* ---- queues that do not begin, or do not end ---- */

static bool waits_for_connect(const struct stoq_tunnel_link *link, uint64_t now_ns)
{
	return link->carrier && !link->mux.bytes && !link->mux.agreed.connecting &&
	       !link->mux.agreed.answered && now_ns - link->since_ns >= STOQ_CONNECT_WITHIN_NS;
}

/* One side has sent its end, and the other one does not: NVMe/TCP has no use for half of a connection. */
static bool waits_for_end(struct stoq_tunnel_link *link, uint64_t now_ns)
{
	bool half = !link->mux.bytes && link->mux.split.finished != link->mux.merge.over;

	if (!half)
		link->half_since_ns = 0;
	else if (!link->half_since_ns)
		link->half_since_ns = now_ns;
	return half && now_ns - link->half_since_ns >= STOQ_HALF_WITHIN_NS;
}

bool stoq_patience_is_over(struct stoq_tunnel_link *link, uint64_t now_ns,
	enum stoq_lane_code *code, const char **reason)
{
	*code = STOQ_LANE_LIMIT;
	if (waits_for_connect(link, now_ns)) {
		*code = link->connecting ? STOQ_LANE_UNREACHABLE : STOQ_LANE_LIMIT;
		*reason = link->connecting
				  ? "the target cannot be reached: it has not answered for 20 s"
				  : "no Connect command has come for 20 s";
		return true;
	}
	*reason = "one side has ended it, and the other has not for 60 s";
	return waits_for_end(link, now_ns);
}

static void end_silent_queues(struct stoq_tunnel_worker *worker, uint64_t now_ns)
{
	struct stoq_tunnel_link *link = worker->links;
	enum stoq_lane_code code;
	const char *reason;

	while (link) {
		struct stoq_tunnel_link *next = link->next;

		if (stoq_patience_is_over(link, now_ns, &code, &reason))
			stoq_link_reset(link, code, reason);
		link = next;
	}
}

/* ---- queues that wait by limits ---- */

static void note_arrivals(struct stoq_tunnel_worker *worker, uint64_t now_ns)
{
	if (!stoq_rates_wanted(worker->policy))
		return;
	for (struct stoq_tunnel_link *link = worker->links; link; link = link->next)
		stoq_link_limits_note(link, now_ns);
}

/* ---- connections that stand still ---- */

static bool waits_by_limits(const struct stoq_mux *mux)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		if (mux->lanes[i] && mux->lanes[i]->waits)
			return true;
	return false;
}

/* A lane keeps the beginning of a PDU whose rest has not come. */
static bool waits_for_rest(const struct stoq_mux *mux)
{
	for (unsigned int i = 0; i < STOQ_LANES_MAX; i++)
		if (mux->lanes[i] && mux->lanes[i]->stash && !mux->lanes[i]->held)
			return true;
	return mux->merge.writer >= 0;
}

static enum stoq_standstill_cause cause_of(const struct stoq_mux *mux)
{
	if (mux->merge.out.bytes)
		return STOQ_STANDSTILL_TCP;
	if (waits_by_limits(mux))
		return STOQ_STANDSTILL_LIMITS;
	if (mux->merge.fused_lane >= 0)
		return STOQ_STANDSTILL_FUSED;
	return waits_for_rest(mux) ? STOQ_STANDSTILL_PDU : STOQ_STANDSTILL_OTHER;
}

/* How long it has stood still. */
static uint64_t look_at_link(struct stoq_tunnel_link *link, bool suspect, uint64_t now_ns)
{
	return stoq_standstill_look(
		&link->standstill, &(struct stoq_standstill_view){.now_ns = now_ns,
					   .cause = cause_of(&link->mux),
					   .unread_bytes = stoq_link_unread_bytes(link),
					   .written_bytes = link->mux.merge.written_bytes,
					   .suspect = suspect});
}

/* Has one of them a TCP connection that is slow? */
static bool look_for_suspect(struct stoq_carrier *carrier, uint64_t now_ns)
{
	bool suspect = false;

	for (struct stoq_tunnel_link *link = carrier->links; link; link = link->next_carried)
		if (cause_of(&link->mux) == STOQ_STANDSTILL_TCP &&
			look_at_link(link, false, now_ns) >= STOQ_SUSPECT_NS)
			suspect = true;
	return suspect;
}

/* What the fullest queue holds that has stood still for too long; 0: there is none. */
static uint64_t most_held(struct stoq_carrier *carrier, uint64_t now_ns)
{
	bool suspect = look_for_suspect(carrier, now_ns);
	uint64_t most = 0;

	for (struct stoq_tunnel_link *link = carrier->links; link; link = link->next_carried) {
		uint64_t unread = stoq_link_unread_bytes(link);

		if (look_at_link(link, suspect, now_ns) >= STOQ_STANDSTILL_NS && unread > most)
			most = unread;
	}
	return most;
}

static void reset_slow(struct stoq_carrier *carrier, uint64_t now_ns)
{
	uint64_t most = most_held(carrier, now_ns);
	struct stoq_tunnel_link *link = most ? carrier->links : NULL;

	while (link) {
		struct stoq_tunnel_link *next = link->next_carried;
		uint64_t since_ns = link->standstill.since_ns;

		if (since_ns &&
			stoq_standstill_over(now_ns - since_ns, stoq_link_unread_bytes(link), most))
			stoq_link_reset(
				link, STOQ_LANE_LIMIT, stoq_standstill_text(cause_of(&link->mux)));
		link = next;
	}
}

static void stop_clocks(struct stoq_carrier *carrier)
{
	carrier->short_ns = 0;
	for (struct stoq_tunnel_link *link = carrier->links; link; link = link->next_carried)
		link->standstill.since_ns = 0;
}

static void look_at_credit(struct stoq_carrier *carrier, uint64_t now_ns)
{
	struct stoq_connection_info info;

	stoq_connection_info(carrier->connection, &info);
	if (info.receive_credit_bytes < CREDIT_MIN_BYTES)
		carrier->short_ns = now_ns;
	if (!carrier->short_ns)
		return;
	if (now_ns - carrier->short_ns >= STOQ_CREDIT_CALM_NS)
		stop_clocks(carrier);
	else
		reset_slow(carrier, now_ns);
}

/* ---- lanes without a queue ---- */

static void look_at_strays(struct stoq_carrier *carrier, uint64_t now_ns)
{
	const struct stoq_lane *stray = stoq_stray_overdue(carrier, now_ns);

	if (stray)
		stoq_connection_close(carrier->connection, STOQ_LANE_LIMIT,
			stray->known ? "a lane that was refused or is over was not ended for 60 s"
				     : "the header of a lane has not come for 60 s");
}

/* ---- times at the target ---- */

/* What came last before a pause is reported as well. */
static void tell_times(struct stoq_tunnel_worker *worker, uint64_t now_ns)
{
	for (struct stoq_tunnel_link *link = worker->links; link; link = link->next) {
		stoq_mux_tell_times(&link->mux, now_ns);
		if (link->mux.split.blocked)
			stoq_link_touch(link);
	}
}

/* ---- memory ---- */

/* The heap keeps what thousands of queues took, unless it is asked: 330 MiB of 8,000. */
static void give_back(struct stoq_tunnel *tunnel)
{
	unsigned int queues = __atomic_load_n(&tunnel->queues, __ATOMIC_RELAXED);

	if (queues > tunnel->queues_most)
		tunnel->queues_most = queues;
	if (queues || tunnel->queues_most < TRIM_FROM_QUEUES)
		return;
	tunnel->queues_most = 0;
	malloc_trim(0);
}

/* ---- every second ---- */

static void look(void *argument)
{
	struct stoq_tunnel_worker *worker = argument;
	uint64_t now_ns = stoq_now_ns();

	end_silent_queues(worker, now_ns);
	note_arrivals(worker, now_ns);
	tell_times(worker, now_ns);
	for (struct stoq_carrier *carrier = worker->carriers; carrier; carrier = carrier->next) {
		look_at_credit(carrier, now_ns);
		look_at_strays(carrier, now_ns);
	}
	if (worker->index == 0)
		give_back(worker->tunnel);
	stoq_patience_begin(worker);
}

int stoq_patience_begin(struct stoq_tunnel_worker *worker)
{
	return stoq_alarm_set(worker->tunnel->transport, worker->index,
		stoq_now_ns() + LOOK_EVERY_NS, look, worker, NULL);
}
