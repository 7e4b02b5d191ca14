// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/older.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guard/older.h"
#include "guard/source.h"
#include "tool/guard/options.h"
#include "tool/message.h"

struct check {
	const struct guard_options *options;
	const struct stoq_guard_source *source;
	const struct tool_identified *found;
	struct stoq_guard_older *older;
	struct stoq_guard_view view;
	bool audit;				      /* nothing is stopped */
	const char *added[STOQ_GUARD_INTERFACES_MAX]; /* interfaces */
	size_t added_count;
};

static bool is_policed(const struct stoq_guard_manifest *manifest, const char *interface)
{
	for (size_t i = 0; i < manifest->side_count; i++)
		if (strcmp(manifest->sides[i].interface, interface) == 0)
			return true;
	return false;
}

/* All of them, but for those that the guard which stays has. */
static void choose_interfaces(struct check *check, const struct stoq_guard_manifest *manifest)
{
	for (size_t i = 0; i < check->options->interface_count; i++)
		if (!manifest || !is_policed(manifest, check->options->interfaces[i]))
			check->added[check->added_count++] = check->options->interfaces[i];
}

static int find(struct check *check, const struct stoq_guard_view *on, struct stoq_error *error)
{
	static const struct stoq_flow_sockets no_sockets;
	static const struct stoq_flow_identities no_identities;
	const struct stoq_guard_coming coming = {
		.policy = check->source->compiled,
		/* A reload leaves the program as it is. */
		.program = !check->found && on ? &on->manifest.program : &check->options->program,
		.interfaces = check->added,
		.interface_count = check->added_count,
		.sockets = check->found ? &check->found->sockets : &no_sockets,
		.identities = check->found ? &check->found->identities : &no_identities,
		.on = on,
	};

	check->audit = check->found ? check->options->audit : on && on->manifest.audit;
	check->audit |= check->source->policy.mode == STOQ_GUARD_MODE_AUDIT;
	if (check->found && check->found->sockets_error.code)
		tool_notice("which connections this stops can be told only in part: %s",
			check->found->sockets_error.text);
	return stoq_guard_older_find(check->older, &coming, error);
}

/* With a guard that is on, and whose connections stay known. */
static int find_beside(struct check *check, const char *name, struct stoq_error *error)
{
	int result;

	if (stoq_guard_view_open(&check->view, name, NULL)) {
		/* None, or one whose tables this program cannot take over. */
		choose_interfaces(check, NULL);
		return find(check, NULL, error);
	}
	if (check->view.manifest.phase == STOQ_GUARD_MAKING) {
		choose_interfaces(check, NULL);
		result = find(check, NULL, error);
	} else if (check->found && !check->options->replace) {
		result = 0; /* `on` refuses to go on, and says so itself */
	} else {
		choose_interfaces(check, &check->view.manifest);
		result = find(check, &check->view, error);
	}
	stoq_guard_view_close(&check->view);
	return result;
}

/* ---- saying it ---- */

static const char *remedy(const struct check *check)
{
	if (!check->found)
		return "Nothing was changed: what was in force before still is. --stop-older goes "
		       "on "
		       "all the same";
	if (stoq_guard_older_is_cured_by_closing(check->older))
		return "Nothing was changed. --reconnect closes these connections once the guard "
		       "is "
		       "on: their hosts connect again by themselves, and are known then. "
		       "--stop-older goes on without closing them";
	return "Nothing was changed. --stop-older goes on all the same; hosts whose connections "
	       "end "
	       "may connect again and are known then, where the policy lets them";
}

static void name_hosts(const struct check *check, bool going_on)
{
	tool_notice("%zu connections that are open now %s stopped%s:",
		check->older->connections.count, going_on && !check->audit ? "are" : "would be",
		check->audit ? " if this were enforced" : "");
	stoq_guard_older_print(stderr, check->older, &check->source->policy);
}

int guard_older_check(struct stoq_guard_older *older, const struct guard_options *options,
	const struct stoq_guard_source *source, const struct tool_identified *found,
	struct stoq_error *error)
{
	struct check check = {.options = options, .source = source, .found = found, .older = older};
	bool goes_on;
	int result;

	*older = (struct stoq_guard_older){0};
	result = find_beside(&check, options->name ? options->name : GUARD_DEFAULT_NAME, error);
	if (result || !older->count)
		return result;
	goes_on = check.audit || options->stop_older ||
		  (options->reconnect && stoq_guard_older_is_cured_by_closing(older));
	name_hosts(&check, goes_on);
	if (goes_on)
		return 0;
	stoq_error_set(error, -ECANCELED, "%s", remedy(&check));
	stoq_guard_older_free(older);
	return -ECANCELED;
}
