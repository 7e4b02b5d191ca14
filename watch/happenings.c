// SPDX-License-Identifier: BSD-2-Clause
#include "watch/happenings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flow/identity.h"
#include "watch/wanted.h"

/* TLS_HOST and TLS_CONTROLLER of bpf/stream/opening.bpf.h: the handshake was completed; or not seen at all. */
#define TLS_HELLO      1
#define TLS_CONTROLLER 4
#define DIGESTS(flags) ((flags)&STOQ_NEGOTIATED_OFFER)
#define MS_NS	       1000000ull

void stoq_happening_tell(struct stoq_watch *watch, const struct stoq_ledger_flow *entry,
	const struct stoq_event_happening *event)
{
	const struct stoq_event_handlers *handlers = watch->handlers;

	if (!stoq_wanted_flow(watch, entry))
		return;
	watch->model.happenings[event->what]++;
	if (handlers && handlers->happening)
		handlers->happening(
			handlers->context, event, entry ? &entry->identity : &watch->nobody);
}

void stoq_happening_record(const struct stoq_watch *watch, const struct stoq_ledger_flow *flow,
	const struct stoq_ledger_flow *other, const struct stoq_event_happening *event)
{
	const struct stoq_event_handlers *handlers = watch->handlers;

	if (!watch->record || !handlers || !handlers->record_found)
		return;
	if (stoq_wanted_flow(watch, flow) || (other && stoq_wanted_flow(watch, other)))
		handlers->record_found(handlers->record_context, event, flow, other);
}

/* Counts it, and keeps it for the handler. */
static void tell(struct stoq_watch *watch, const struct stoq_ledger_flow *entry,
	const struct stoq_event_happening *event)
{
	struct stoq_happened *happened;

	if (!entry->wanted)
		return;
	watch->model.happenings[event->what]++;
	if (!watch->handlers || !watch->handlers->happening)
		return;
	happened = stoq_array_room(watch->happened, watch->happened_count,
		&watch->happened_capacity, sizeof(*happened));
	if (!happened) {
		watch->happened_lost = true;
		return;
	}
	watch->happened = happened;
	happened[watch->happened_count] =
		(struct stoq_happened){*event, entry, watch->happened_count};
	watch->happened_count++;
}

static int by_time(const void *one, const void *other)
{
	const struct stoq_happened *a = one, *b = other;

	if (a->event.time_ns != b->event.time_ns)
		return a->event.time_ns < b->event.time_ns ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

int stoq_happenings_hand_on(struct stoq_watch *watch)
{
	bool lost = watch->happened_lost;

	if (watch->happened_count)
		qsort(watch->happened, watch->happened_count, sizeof(*watch->happened), by_time);
	for (size_t i = 0; i < watch->happened_count; i++)
		watch->handlers->happening(watch->handlers->context, &watch->happened[i].event,
			&watch->happened[i].flow->identity);
	watch->happened_count = 0;
	watch->happened_lost = false;
	return lost ? -ENOMEM : 0;
}

static const char *digests_name(unsigned int digests)
{
	static const char *const names[] = {
		"no digests", "header digests", "data digests", "header and data digests"};

	return names[DIGESTS(digests)];
}

/* Why nothing has come of an ICReq, as far as it was seen. */
static void explain_negotiation(char *reason, size_t size, const struct stoq_flow *flow)
{
	unsigned int offered = flow->negotiated,
		     agreed = (unsigned int)flow->negotiated >> STOQ_NEGOTIATED_ANSWER_SHIFT;

	if (flow->terminated)
		snprintf(reason, size, "TermReq of the %s, fatal error status %u",
			flow->terminated - 1 == NVME_TCP_FROM_HOST ? "host" : "controller",
			flow->term_fes);
	else if (!(flow->negotiated & STOQ_NEGOTIATED_ICRESP))
		snprintf(reason, size, "the controller did not answer the ICReq");
	else if (DIGESTS(offered) != DIGESTS(agreed))
		snprintf(reason, size, "the host asked for %s, the controller agreed to %s",
			digests_name(offered), digests_name(agreed));
	else
		snprintf(reason, size, "no command followed the ICResp");
}

static void explain_reset(char *reason, size_t size, const struct stoq_flow *flow)
{
	static const char *const ends[] = {"", "by the host", "by the controller", "by both ends"};

	snprintf(reason, size, "%s",
		ends[(flow->reset >> NVME_TCP_FROM_HOST & 1) |
			(flow->reset >> NVME_TCP_FROM_CONTROLLER & 1) << 1]);
}

static void explain_end(struct stoq_event_happening *event, const struct stoq_flow *flow)
{
	bool commands = flow->connected || flow->side[NVME_TCP_FROM_HOST].commands;

	if (flow->encrypted && (flow->tls & TLS_HELLO) && !(flow->tls & TLS_CONTROLLER)) {
		event->what = STOQ_HAPPENED_TLS_FAILED;
		if (flow->alert)
			snprintf(event->reason, sizeof(event->reason), "TLS alert %u",
				flow->alert - 1u);
		else
			explain_reset(event->reason, sizeof(event->reason), flow);
	} else if (!flow->encrypted && flow->from_start && !commands) {
		event->what = STOQ_HAPPENED_NEGOTIATION_FAILED;
		explain_negotiation(event->reason, sizeof(event->reason), flow);
	} else if (flow->terminated) {
		event->what = STOQ_HAPPENED_TERMINATION;
		explain_negotiation(event->reason, sizeof(event->reason), flow);
	} else if (flow->reset) {
		event->what = STOQ_HAPPENED_RESET;
		explain_reset(event->reason, sizeof(event->reason), flow);
	} else {
		event->what = STOQ_HAPPENED_DISCONNECT;
	}
}

/* ---- hosts ---- */

static struct stoq_ledger_host *add_host(
	struct stoq_ledger *ledger, const struct stoq_ledger_flow *flow, const char *address)
{
	struct stoq_ledger_host *host;

	if (HASH_COUNT(ledger->hosts) >= STOQ_LEDGER_HOSTS_MAX)
		return NULL;
	host = calloc(1, sizeof(*host));
	if (!host)
		return NULL;
	memcpy(host->nqn, flow->identity.host_nqn, sizeof(host->nqn));
	snprintf(host->address, sizeof(host->address), "%s", address);
	memcpy(host->id, flow->host_id, sizeof(host->id));
	HASH_ADD(hh, ledger->hosts, nqn, strlen(host->nqn), host);
	return host;
}

/* A host may have several addresses, and one identifier (NVMe Base, feature Host Identifier): two of these are two hosts. */
static void look_at_host(
	struct stoq_watch *watch, struct stoq_ledger_flow *entry, const struct stoq_flow *flow)
{
	struct stoq_event_happening event = {.what = STOQ_HAPPENED_HOST_NQN_SHARED,
		.uid = flow->uid,
		.time_ns = flow->first_seen_ns};
	const char *nqn = entry->identity.host_nqn;
	struct stoq_ledger_host *host;
	char address[sizeof(entry->identity.host_address)];
	bool other_id, *told;

	memcpy(address, entry->identity.host_address, sizeof(address));
	stoq_identity_strip_port(address, sizeof(address));
	HASH_FIND(hh, watch->ledger.hosts, nqn, strlen(nqn), host);
	if (!host)
		host = add_host(&watch->ledger, entry, address);
	if (!host || strcmp(host->address, address) == 0)
		return;
	other_id = memcmp(host->id, entry->host_id, sizeof(host->id)) != 0;
	told = other_id ? &host->other_id_told : &host->shared_told;
	if (*told)
		return;
	*told = true;
	snprintf(event.reason, sizeof(event.reason), "also %.45s, with %s host identifier%s",
		host->address, other_id ? "another" : "the same",
		other_id ? ": two hosts have one name" : "");
	tell(watch, entry, &event);
}

static void tell_connect(
	struct stoq_watch *watch, struct stoq_ledger_flow *entry, const struct stoq_flow *flow)
{
	struct stoq_event_happening event = {
		.what = STOQ_HAPPENED_CONNECT, .uid = flow->uid, .time_ns = flow->first_seen_ns};

	if (entry->connect_told || !flow->connect_accepted)
		return;
	entry->connect_told = true;
	if (entry->names_known)
		look_at_host(watch, entry, flow);
	if (flow->kato_ms)
		snprintf(event.reason, sizeof(event.reason), "keep alive timeout %u ms",
			flow->kato_ms);
	tell(watch, entry, &event);
}

static void tell_end(
	struct stoq_watch *watch, struct stoq_ledger_flow *entry, const struct stoq_flow *flow)
{
	struct stoq_event_happening event = {.uid = flow->uid, .time_ns = flow->ended_ns};

	if (entry->end_told || stoq_flow_state_of(flow) != STOQ_FLOW_CLOSED)
		return;
	entry->end_told = true;
	if (flow->ended_ns > flow->first_seen_ns)
		event.duration_ns = flow->ended_ns - flow->first_seen_ns;
	explain_end(&event, flow);
	tell(watch, entry, &event);
}

void stoq_happenings_of_flow(
	struct stoq_watch *watch, struct stoq_ledger_flow *entry, const struct stoq_flow *flow)
{
	uint64_t signs = flow->side[NVME_TCP_FROM_HOST].pdus;

	if (signs != entry->signs || !entry->active_ns)
		entry->active_ns = watch->last_ns;
	entry->signs = signs;
	tell_connect(watch, entry, flow);
	tell_end(watch, entry, flow);
}

/* ---- silence ---- */

/* A controller of one host, as a number: of all its queues. */
static uint64_t controller_of(const struct stoq_identity *identity)
{
	struct stoq_identity controller;

	stoq_identity_clear(&controller);
	memcpy(controller.host_nqn, identity->host_nqn, sizeof(controller.host_nqn));
	memcpy(controller.subsystem_nqn, identity->subsystem_nqn, sizeof(controller.subsystem_nqn));
	controller.cntlid = identity->cntlid;
	controller.kind = NVME_QUEUE_ADMIN;
	return (uint64_t)stoq_identity_hash(&controller) << 16 | (uint16_t)identity->cntlid;
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/* The controllers that any queue had a command for in the last interval: traffic stands for keep alives. */
static size_t find_active(struct stoq_watch *watch, uint64_t *active)
{
	uint64_t now_ns = watch->last_ns;
	struct stoq_ledger_flow *flow, *next;
	size_t count = 0;

	HASH_ITER(hh, watch->ledger.flows, flow, next)
	{
		if (flow->open && flow->active_ns == now_ns && flow->identity.cntlid >= 0)
			active[count++] = controller_of(&flow->identity);
	}
	if (count)
		qsort(active, count, sizeof(*active), compare);
	return count;
}

static void judge(struct stoq_watch *watch, struct stoq_ledger_flow *entry,
	const struct stoq_flow *flow, bool active)
{
	uint64_t now_ns = watch->last_ns, limit_ns = flow->kato_ms * MS_NS;
	struct stoq_event_happening event = {.what = STOQ_HAPPENED_KEEP_ALIVE_MISSING,
		.uid = flow->uid,
		.time_ns = now_ns,
		.duration_ns = now_ns - entry->active_ns};

	if (active) {
		entry->active_ns = now_ns;
		entry->silence_told = false;
		return;
	}
	/* The last sign may have come right before the reading that showed it, or an interval earlier. */
	if (entry->silence_told || event.duration_ns <= limit_ns)
		return;
	entry->silence_told = true;
	snprintf(event.reason, sizeof(event.reason), "its keep alive timeout is %u ms",
		flow->kato_ms);
	tell(watch, entry, &event);
}

int stoq_happenings_of_silence(struct stoq_watch *watch)
{
	uint64_t *active = calloc(HASH_COUNT(watch->ledger.flows) + 1, sizeof(*active));
	size_t count;

	if (!active)
		return -ENOMEM;
	count = find_active(watch, active);
	for (size_t i = 0; i < watch->flows.count; i++) {
		const struct stoq_flow *flow = stoq_map_dump_value(&watch->flows, i);
		struct stoq_ledger_flow *entry =
			flow->uid ? stoq_ledger_flow_find(&watch->ledger, flow->uid) : NULL;
		uint64_t controller;

		if (!entry || !entry->open || !flow->kato_ms || !flow->connect_accepted ||
			flow->qid)
			continue;
		controller = controller_of(&entry->identity);
		judge(watch, entry, flow,
			bsearch(&controller, active, count, sizeof(*active), compare) != NULL);
	}
	free(active);
	return 0;
}
