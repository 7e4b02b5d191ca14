// SPDX-License-Identifier: BSD-2-Clause
#include "guard/report_limits.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "flow/text.h"
#include "guard/accounts.h"
#include "guard/accounts_report.h"
#include "guard/limit.h"
#include "guard/limiter.h"
#include "hook/fq.h"

#define LINES_MAX 10 /* of a limit, in the text */

/* ---- what is there ---- */

/* What keeps a side from delaying what it should; NULL: nothing. */
static const char *flaw_of(
	const struct stoq_guard_view *view, const struct stoq_limiter_notes *notes, size_t i)
{
	const struct stoq_attachment *side = &notes->sides[i];
	char path[STOQ_GUARD_PATH_BYTES];
	enum stoq_fq_state state;
	struct stoq_fq_counts counts;
	uint32_t program_id;

	if (stoq_attach_keep_look(side, stoq_limiter_link_path(&view->pins, i, path),
		    &program_id) == STOQ_KEEP_GONE)
		return "the program of limits is NOT ATTACHED any more";
	if (view->manifest.sides[i].ingress || view->manifest.audit)
		return NULL;
	if (stoq_fq_look(view->manifest.sides[i].ifindex, &state, &counts) == 0 &&
		state == STOQ_FQ_NONE)
		return "the qdisc fq is GONE: nothing waits";
	return NULL;
}

/* Calls told with each flaw. False: the notes cannot be read. */
static bool each_flaw(const struct stoq_guard_view *view,
	void (*told)(void *context, const struct stoq_attachment *side, const char *flaw),
	void *context)
{
	static struct stoq_limiter_notes notes;

	/* Interfaces of another network namespace cannot be asked from here. */
	if (stoq_limiter_notes_read(&view->pins, &notes, NULL) ||
		view->manifest.netns != stoq_guard_netns())
		return false;
	for (size_t i = 0; i < view->manifest.side_count; i++) {
		const char *flaw = flaw_of(view, &notes, i);

		if (flaw)
			told(context, &view->manifest.sides[i], flaw);
	}
	return true;
}

static void count_flaw(void *context, const struct stoq_attachment *side, const char *flaw)
{
	++*(size_t *)context;
}

bool stoq_guard_limits_are_whole(const struct stoq_guard_view *view)
{
	size_t flaws = 0;

	if (stoq_limiter_exists(&view->pins))
		each_flaw(view, count_flaw, &flaws);
	return !flaws;
}

/* ---- text ---- */

static void print_flaw(void *context, const struct stoq_attachment *side, const char *flaw)
{
	fprintf(context, "  LIMITS       %s %s: %s; `on --replace` puts it there again\n",
		side->interface, side->ingress ? "ingress" : "egress", flaw);
}

#define NAME_BYTES (4 * NVME_NQN_LENGTH + 1)

/* A host's is from the wire, and this is for a terminal. */
static const char *account_name(
	char text[static NAME_BYTES], const struct stoq_guard_account *account)
{
	if (account->kind == STOQ_GUARD_ACCOUNT_GROUP)
		return "all hosts together";
	if (account->kind == STOQ_GUARD_ACCOUNT_OTHERS)
		return "hosts without a name or room";
	return stoq_text_clean(text, NAME_BYTES, account->host, NVME_NQN_LENGTH, STOQ_TEXT_ASCII);
}

static void print_account(FILE *file, const struct stoq_guard_account *account)
{
	const struct stoq_limit_bucket *bucket = &account->bucket;
	char name[NAME_BYTES];

	fprintf(file, "%12" PRIu64 " %15" PRIu64 " %12" PRIu64 " %9.1f ms %8" PRIu64 "   %s\n",
		(uint64_t)bucket->commands, (uint64_t)bucket->bytes, (uint64_t)bucket->delayed,
		bucket->delayed ? (double)bucket->delay_ns / (double)bucket->delayed / 1e6 : 0,
		(uint64_t)bucket->capped, account_name(name, account));
}

static void print_accounts(FILE *file, const struct stoq_guard_accounts *accounts, uint64_t limit)
{
	size_t lines = 0, more = 0;

	for (size_t i = 0; i < accounts->count; i++) {
		if (accounts->items[i].limit != limit)
			continue;
		if (lines++ < LINES_MAX)
			print_account(file, &accounts->items[i]);
		else
			more++;
	}
	if (more)
		fprintf(file, "             and %zu more hosts; --json has all\n", more);
}

static void print_totals(FILE *file, const struct stoq_limit_totals *totals, bool audit)
{
	fprintf(file,
		"  limits       hold for %" PRIu64 " commands; %" PRIu64 " %s, %" PRIu64
		" of them not as long as they should\n",
		(uint64_t)totals->commands, (uint64_t)totals->delayed,
		audit ? "would have waited" : "waited", (uint64_t)totals->capped);
	if (totals->hosts_full || totals->buckets_full)
		fprintf(file,
			"  WARNING      more than %d hosts or %d accounts: %" PRIu64
			" times a host had to share one, %" PRIu64
			" commands were charged to a shared one\n",
			STOQ_LIMIT_HOSTS_MAX, STOQ_LIMIT_BUCKETS_MAX, (uint64_t)totals->hosts_full,
			(uint64_t)totals->buckets_full);
}

void stoq_guard_limits_status_print(FILE *file, const struct stoq_guard_view *view)
{
	struct stoq_guard_accounts accounts;
	char rates[STOQ_GUARD_LIMIT_RATES];

	if (!stoq_limiter_exists(&view->pins) || stoq_guard_accounts_read(&accounts, &view->pins))
		return;
	each_flaw(view, print_flaw, file);
	print_totals(file, &accounts.totals, view->manifest.audit != 0);
	fputs("    commands           bytes      delayed   mean delay   capped\n", file);
	for (size_t i = 0; view->policy_known && i < view->policy.limit_count; i++) {
		const struct stoq_guard_limit *limit = &view->policy.limits[i];

		stoq_guard_limit_rates(limit, rates);
		fprintf(file, "  limit %zu (%s): %s\n", i + 1, limit->name, rates);
		print_accounts(file, &accounts, stoq_guard_limit_id(limit));
	}
	stoq_guard_accounts_free(&accounts);
}

/* ---- for a program ---- */

static struct json_object *totals_json(const struct stoq_limit_totals *totals)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "commands", totals->commands);
	stoq_json_put_u64(object, "delayed_commands", totals->delayed);
	stoq_json_put_u64(object, "capped_commands", totals->capped);
	stoq_json_put_u64(object, "delayed_packets", totals->packets);
	stoq_json_put_u64(object, "eased_packets", totals->eased);
	stoq_json_put_u64(object, "acknowledgements", totals->acks);
	stoq_json_put_u64(object, "hosts_without_room", totals->hosts_full);
	stoq_json_put_u64(object, "commands_without_account", totals->buckets_full);
	stoq_json_put_u64(object, "commands_without_time", totals->due_lost);
	stoq_json_put_u64(object, "commands_of_unknown_queues", totals->unknown);
	return object;
}

struct json_object *stoq_guard_limits_status_json(const struct stoq_guard_view *view)
{
	struct stoq_guard_accounts accounts;
	struct json_object *object;

	if (!stoq_limiter_exists(&view->pins) || stoq_guard_accounts_read(&accounts, &view->pins))
		return NULL;
	object = json_object_new_object();
	stoq_json_put_bool(object, "whole", stoq_guard_limits_are_whole(view));
	stoq_json_put(object, "totals", totals_json(&accounts.totals));
	stoq_json_put(object, "limits",
		stoq_guard_accounts_json(view->policy_known ? &view->policy : NULL, &accounts));
	stoq_guard_accounts_free(&accounts);
	return object;
}

/* ---- for a scraper ---- */

void stoq_guard_limits_metrics(
	const struct stoq_openmetrics *text, const struct stoq_guard_view *view)
{
	struct stoq_guard_accounts accounts;

	if (!stoq_limiter_exists(&view->pins) || stoq_guard_accounts_read(&accounts, &view->pins))
		return;
	if (view->policy_known)
		stoq_guard_accounts_metrics(
			text, "guard", view->pins.name, &view->policy, &accounts);
	stoq_guard_accounts_free(&accounts);
}
