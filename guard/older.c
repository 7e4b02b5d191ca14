// SPDX-License-Identifier: BSD-2-Clause
#include "guard/older.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flow/text.h"
#include "guard/places.h"
#include "guard/print.h"
#include "guard/view_list.h"
#include "nvme/nvme_names.h"

#define LINES_MAX 100 /* of hosts; the rest is counted */

struct search {
	const struct stoq_guard_coming *coming;
	struct stoq_guard_places places;
	struct stoq_flow_identities followed; /* by the guard that is on, strictly or ... */
	struct stoq_flow_identities lax;      /* ... not */
	struct stoq_guard_in_force in_force;  /* its policy, once that was asked for */
	bool in_force_read;
	struct stoq_guard_older *older;
};

/* ---- one connection ---- */

static bool is_alike(
	const struct stoq_guard_stopped *stopped, const struct stoq_guard_stopped *other)
{
	const struct stoq_flow_known *one = &stopped->first, *two = &other->first;

	if (stopped->verdict.stop != other->verdict.stop ||
		stopped->verdict.rule != other->verdict.rule ||
		strcmp(one->host_nqn, two->host_nqn) != 0 ||
		strcmp(one->subsystem_nqn, two->subsystem_nqn) != 0)
		return false;
	return true;
}

static int add(struct stoq_guard_older *older, const struct stoq_guard_stopped *stopped)
{
	void *items;

	for (size_t i = 0; i < older->count; i++) {
		if (!is_alike(&older->items[i], stopped))
			continue;
		older->items[i].connections += stopped->connections;
		older->items[i].local += stopped->local;
		older->items[i].several |= !stoq_flow_end_same_address(
			&older->items[i].first.host, &stopped->first.host);
		return 0;
	}
	items = stoq_array_room(
		older->items, older->count, &older->capacity, sizeof(*older->items));
	if (!items)
		return -ENOMEM;
	older->items = items;
	older->items[older->count++] = *stopped;
	return 0;
}

/* strict: it applies to this connection, which the guard will not have seen begin. */
static struct stoq_guard_verdict_on_host judge(
	const struct search *search, const struct stoq_flow_known *known, bool strict)
{
	struct stoq_guard_verdict_on_host verdict;

	stoq_guard_judge_host(
		search->coming->policy, known->host_nqn, known->subsystem_nqn, &verdict);
	/* A new connection is no cure for what the policy refuses anyway. */
	if (strict && verdict.stop != STOQ_GUARD_STOP_POLICY)
		verdict = (struct stoq_guard_verdict_on_host){
			.stop = STOQ_GUARD_STOP_STRICT, .rule = STOQ_GUARD_NO_RULE};
	return verdict;
}

/* A connection that is stopped. */
static int take_stopped(struct search *search, const struct stoq_flow_known *known,
	const struct stoq_guard_verdict_on_host *verdict, bool local)
{
	const struct stoq_guard_stopped stopped = {
		.verdict = *verdict, .first = *known, .connections = 1, .local = local};
	int result;

	if (stoq_flow_identities_find(&search->older->connections, known))
		return 0;
	result = stoq_flow_identities_add(&search->older->connections, known);
	return result ? result : add(search->older, &stopped);
}

static int take(struct search *search, const struct stoq_flow_known *known, bool strict, bool local)
{
	const struct stoq_guard_verdict_on_host verdict = judge(search, known, strict);

	return verdict.stop ? take_stopped(search, known, &verdict, local) : 0;
}

/* ---- connections that the guard follows already ---- */

static bool is_strict(const struct search *search, bool is_target, bool both_here)
{
	enum stoq_guard_strictness strictness = search->coming->program->strictness;

	if (!search->coming->policy->strict)
		return false;
	return strictness == STOQ_GUARD_STRICT_ALWAYS ||
	       (strictness == STOQ_GUARD_STRICT_INGRESS && is_target && !both_here);
}

static struct stoq_flow_ports ports_of(const struct search *search)
{
	return (struct stoq_flow_ports){search->coming->program->ports, STOQ_GUARD_PORTS_MAX};
}

/* The policy in force; NULL: it cannot be read. Read when it is asked for: it is
 * large. */
static const struct stoq_guard_compiled *policy_in_force(struct search *search)
{
	const struct stoq_guard_view *on = search->coming->on;

	if (on->manifest.policy_format != STOQ_GUARD_POLICY_FORMAT)
		return NULL;
	if (!search->in_force_read)
		stoq_guard_in_force_read(&on->pins, &search->in_force, NULL);
	search->in_force_read = true;
	return search->in_force.installed ? &search->in_force.installed->policy : NULL;
}

/* The policy in force stops it as well. */
static bool is_stopped_already(struct search *search, const struct stoq_flow_known *known)
{
	const struct stoq_guard_compiled *policy;
	struct stoq_guard_verdict_on_host verdict;

	if (search->coming->on->manifest.audit) /* it stops nothing */
		return false;
	policy = policy_in_force(search);
	if (!policy)
		return false;
	stoq_guard_judge_host(policy, known->host_nqn, known->subsystem_nqn, &verdict);
	return verdict.stop != STOQ_GUARD_GOES_ON;
}

/* What the guard follows on other ports than its own passes, however it began. */
static bool is_strict_about(const struct search *search, const struct stoq_flow_known *known)
{
	const struct stoq_flow_ports ports = ports_of(search);
	/* It comes in from its host, unless that is here. */
	bool comes_in = !stoq_guard_places_has(&search->places, &known->host);

	return stoq_flow_is_port(&ports, known->controller.port) &&
	       is_strict(search, comes_in, false);
}

static int take_listed(struct search *search, const struct stoq_flow_identities *listed, bool whole)
{
	int result = 0;

	for (size_t i = 0; !result && i < listed->count; i++) {
		const struct stoq_flow_known *known = &listed->items[i];
		const struct stoq_guard_verdict_on_host verdict =
			judge(search, known, !whole && is_strict_about(search, known));

		if (verdict.stop && !is_stopped_already(search, known))
			result = take_stopped(search, known, &verdict, false);
	}
	return result;
}

/* What was not strictly followed from its beginning does not pass where that is asked for. */
static int take_followed(struct search *search)
{
	int result;

	if (!search->coming->on)
		return 0;
	result = stoq_guard_view_list(search->coming->on, &search->followed, &search->lax);
	if (!result)
		result = take_listed(search, &search->followed, true);
	return result ? result : take_listed(search, &search->lax, false);
}

/* ---- this machine's ---- */

static bool is_coming(const void *context, const char *interface)
{
	const struct stoq_guard_coming *coming = context;

	for (size_t i = 0; i < coming->interface_count; i++)
		if (strcmp(coming->interfaces[i], interface) == 0)
			return true;
	return false;
}

/* The tag that a connection has where others know it; 0: it is not known with one. */
static uint16_t tag_of(const struct search *search, const struct stoq_flow_identities *others,
	struct stoq_flow_known known)
{
	for (size_t i = 0; i < search->places.vlans.count; i++) {
		known.vlan_id = search->places.vlans.items[i].id;
		if (stoq_flow_identities_find(others, &known))
			return known.vlan_id;
	}
	return 0;
}

static bool is_followed(const struct search *search, const struct stoq_flow_known *known)
{
	return stoq_flow_identities_find(&search->followed, known) ||
	       stoq_flow_identities_find(&search->lax, known) ||
	       tag_of(search, &search->followed, *known) || tag_of(search, &search->lax, *known);
}

static int take_socket(struct search *search, const struct stoq_flow_socket *socket)
{
	const struct stoq_flow_ports ports = ports_of(search);
	bool is_target = stoq_flow_is_port(&ports, socket->local.port);
	struct stoq_flow_known bare = {
		.host = is_target ? socket->remote : socket->local,
		.controller = is_target ? socket->local : socket->remote,
		.qid = STOQ_FLOW_QID_UNKNOWN,
	};
	const struct stoq_flow_known *known;

	if ((!is_target && !stoq_flow_is_port(&ports, socket->remote.port)) ||
		!stoq_guard_places_passes(&search->places, socket, is_coming, search->coming) ||
		is_followed(search, &bare))
		return 0;
	known = stoq_flow_identities_find(search->coming->identities, &bare);
	return take(search, known ? known : &bare,
		is_strict(
			search, is_target, stoq_guard_places_has(&search->places, &socket->remote)),
		true);
}

static int take_sockets(struct search *search)
{
	const struct stoq_flow_sockets *sockets = search->coming->sockets;
	int result = 0;

	for (size_t i = 0; !result && i < sockets->count; i++)
		result = take_socket(search, &sockets->items[i]);
	return result;
}

/* ---- what SPDK has elsewhere, in a container behind the interface, say ---- */

static int take_elsewhere(struct search *search)
{
	const struct stoq_flow_identities *identities = search->coming->identities;
	const struct stoq_flow_ports ports = ports_of(search);
	int result = 0;

	if (!search->coming->interface_count)
		return 0;
	for (size_t i = 0; !result && i < identities->count; i++) {
		const struct stoq_flow_known *known = &identities->items[i];

		if (known->vlan_id || !stoq_flow_is_port(&ports, known->controller.port) ||
			stoq_guard_places_has(&search->places, &known->controller) ||
			stoq_guard_places_has(&search->places, &known->host) ||
			is_followed(search, known))
			continue;
		result = take(search, known, is_strict(search, false, false), false);
	}
	return result;
}

int stoq_guard_older_find(struct stoq_guard_older *older, const struct stoq_guard_coming *coming,
	struct stoq_error *error)
{
	struct search search = {.coming = coming, .older = older, .in_force = {.counts_fd = -1}};
	int result = stoq_guard_places_list(&search.places, error);

	*older = (struct stoq_guard_older){0};
	if (result)
		return result;
	result = take_followed(&search);
	if (!result)
		result = take_sockets(&search);
	if (!result)
		result = take_elsewhere(&search);
	stoq_flow_identities_free(&search.followed);
	stoq_flow_identities_free(&search.lax);
	stoq_guard_in_force_free(&search.in_force);
	stoq_guard_places_free(&search.places);
	if (!result)
		return 0;
	stoq_guard_older_free(older);
	return stoq_error_set(error, result,
		"cannot find out which connections this would stop: %s", strerror(-result));
}

void stoq_guard_older_free(struct stoq_guard_older *older)
{
	free(older->items);
	stoq_flow_identities_free(&older->connections);
	*older = (struct stoq_guard_older){0};
}

bool stoq_guard_older_is_cured_by_closing(const struct stoq_guard_older *older)
{
	for (size_t i = 0; i < older->count; i++)
		if (older->items[i].verdict.stop == STOQ_GUARD_STOP_POLICY ||
			older->items[i].local != older->items[i].connections)
			return false;
	return true;
}

/* ---- text ---- */

static void print_command(FILE *file, const struct stoq_guard_verdict_on_host *verdict)
{
	bool fabrics = verdict->table == STOQ_GUARD_FABRICS;
	char buffer[NVME_NAME_LENGTH];

	fputs(nvme_opcode_name(verdict->table == STOQ_GUARD_IO ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN,
		      fabrics ? NVME_OPCODE_FABRICS : verdict->code, fabrics ? verdict->code : 0,
		      buffer),
		file);
}

static void print_rule(FILE *file, const struct stoq_guard_verdict_on_host *verdict,
	const struct stoq_guard_policy *rules)
{
	char label[STOQ_GUARD_RULE_LABEL];

	if (verdict->rule == STOQ_GUARD_NO_RULE || verdict->rule >= rules->rule_count) {
		fputs("the default", file);
		return;
	}
	stoq_guard_label_rule(rules, verdict->rule, label);
	fprintf(file, "rule %s", label);
}

static void print_reason(FILE *file, const struct stoq_guard_verdict_on_host *verdict,
	const struct stoq_guard_policy *rules)
{
	if (verdict->stop == STOQ_GUARD_STOP_STRICT) {
		fputs("`strict` lets no connection pass that the guard did not see begin", file);
		return;
	}
	print_rule(file, verdict, rules);
	fputs(" refuses ", file);
	print_command(file, verdict);
	fputs(verdict->stop == STOQ_GUARD_STOP_UNKNOWN
			? " and the like to hosts whose name is not known (unknown-host: deny)"
			: " to it",
		file);
}

/* A name as the host gave it, made harmless. */
static void print_name(FILE *file, const char *before, const char nqn[static NVME_NQN_LENGTH])
{
	char clean[4 * NVME_NQN_LENGTH + 1];

	stoq_text_clean(clean, sizeof(clean), nqn, NVME_NQN_LENGTH, STOQ_TEXT_ASCII);
	fprintf(file, "%s%s", before, clean);
}

static void print_host(
	FILE *file, const struct stoq_guard_stopped *stopped, const struct stoq_guard_policy *rules)
{
	const struct stoq_flow_known *known = &stopped->first;
	char end[STOQ_FLOW_END_TEXT];

	if (known->host_nqn[0])
		print_name(file, "  host ", known->host_nqn);
	else
		fputs(stopped->several ? "  hosts that are not known"
				       : "  a host that is not known",
			file);
	fprintf(file, ", %zu connection%s", stopped->connections,
		stopped->connections == 1 ? "" : "s");
	if (known->subsystem_nqn[0])
		print_name(file, " to ", known->subsystem_nqn);
	fprintf(file, " (%s%s): ", stoq_flow_end_text(&known->host, end),
		stopped->connections == 1 ? "" : " and others");
	print_reason(file, &stopped->verdict, rules);
	fputc('\n', file);
}

void stoq_guard_older_print(
	FILE *file, const struct stoq_guard_older *older, const struct stoq_guard_policy *rules)
{
	for (size_t i = 0; i < older->count && i < LINES_MAX; i++)
		print_host(file, &older->items[i], rules);
	if (older->count > LINES_MAX)
		fprintf(file, "  and %zu more hosts\n", older->count - LINES_MAX);
}
