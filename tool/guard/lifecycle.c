// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/lifecycle.h"
#include "guard/older.h"

#include <stdio.h>
#include <stdlib.h>
#include <stoq/version.h>

#include "guard/overlays.h"
#include "guard/reconnect.h"
#include "guard/source.h"
#include "guard/warnings.h"
#include "tool/guard/older.h"
#include "tool/guard/options.h"
#include "tool/identify.h"
#include "tool/message.h"

#define OVERLAYS_SHOWN 8

static const char *name_of(const struct guard_options *options)
{
	return options->name ? options->name : GUARD_DEFAULT_NAME;
}

static int identify(struct tool_identified *found, const struct guard_options *options,
	const struct tool_identified *before, struct stoq_error *error)
{
	const struct tool_identify asked = {.sockets = options->sockets,
		.socket_count = options->socket_count,
		.ports = {options->program.ports, STOQ_GUARD_PORTS_MAX}};

	return tool_identify(found, &asked, before, error);
}

/* Rules without effect are worth a word before the policy is in force, but are no failure. */
static void warn(const struct stoq_guard_source *source)
{
	stoq_guard_warnings_print(stderr, source->path, &source->policy, source->compiled);
}

static int reconnect(const char *name, const struct tool_identified *found,
	const struct stoq_guard_older *older, struct stoq_error *error)
{
	struct stoq_guard_view view;
	size_t closed = 0;
	int result = stoq_guard_view_open(&view, name, error);

	if (result)
		return result;
	result = stoq_guard_reconnect(&view, &found->sockets, &older->connections, &closed, error);
	printf("  closed %zu connections that are older than the guard\n", closed);
	stoq_guard_view_close(&view);
	return result;
}

/* Connections that were made meanwhile, and those that stay unknown. */
static int settle(const struct guard_options *options, const struct tool_identified *before,
	const struct stoq_guard_older *older, struct stoq_error *error)
{
	struct tool_identified found;
	int result = identify(&found, options, before, error);

	if (result)
		return result;
	if (found.identities.count > before->identities.count)
		result = stoq_guard_notify(name_of(options), &found.identities, error);
	if (!result && options->reconnect)
		result = reconnect(name_of(options), &found, older, error);
	tool_identified_free(&found);
	return result;
}

static int put_in_force(const struct guard_options *options, const struct stoq_guard_source *source,
	const struct tool_identified *found, struct stoq_error *error)
{
	const struct stoq_guard_config config = {
		.name = name_of(options),
		.interfaces = options->interfaces,
		.interface_count = options->interface_count,
		.program = options->program,
		.force_clsact = options->force_clsact,
		.audit = options->audit || source->policy.mode == STOQ_GUARD_MODE_AUDIT,
		.replace = options->replace,
		.max_connections = options->max_connections,
		.version = STOQ_VERSION,
		.identities = &found->identities,
	};
	bool cleaned = false;
	int result = stoq_guard_on(&config, source, &cleaned, error);

	if (cleaned)
		tool_notice("removed what an interrupted `stoq guard on` had left of guard %s",
			config.name);
	if (!result)
		printf("guard %s: %s, policy %s, hash %016llx\n", config.name,
			config.audit ? "audit (nothing is refused or dropped)" : "on", source->path,
			(unsigned long long)source->compiled->hash);
	return result;
}

/* Those that the guard is not on. How many there are; `max` of them are written. */
static int find_overlays(const char *name, struct stoq_guard_overlay *found, size_t max)
{
	const char *interfaces[STOQ_GUARD_SIDES_MAX];
	struct stoq_guard_manifest manifest;
	struct stoq_guard_pins pins;
	int result = stoq_guard_pins_init(&pins, name, NULL);

	if (!result)
		result = stoq_guard_manifest_read(&pins, &manifest, NULL);
	if (result)
		return result;
	for (size_t i = 0; i < manifest.side_count; i++)
		interfaces[i] = manifest.sides[i].interface;
	return stoq_guard_overlays(interfaces, manifest.side_count, found, max);
}

/* Ways on which commands would pass unseen. */
static void notice_overlays(const char *name)
{
	struct stoq_guard_overlay found[OVERLAYS_SHOWN];
	int count = find_overlays(name, found, OVERLAYS_SHOWN);
	char text[OVERLAYS_SHOWN * (sizeof(found[0]) + sizeof(",  ()"))] = "";
	size_t used = 0;

	for (int i = 0; i < count && i < OVERLAYS_SHOWN; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s (%s)",
			i ? ", " : "", found[i].name, found[i].kind);
	if (count > 0)
		tool_notice("guard %s does not see what comes inside other packets, by %s%s: if "
			    "hosts can reach a target that way, give such interfaces to -i, too",
			name, text, count > OVERLAYS_SHOWN ? ", ..." : "");
}

static int turn_on(const struct guard_options *options, const struct stoq_guard_source *source)
{
	struct tool_identified found = {0};
	struct stoq_guard_older older;
	struct stoq_error error;
	int result = identify(&found, options, NULL, &error);

	if (result && options->socket_count)
		return tool_fail(&error);
	if (result)
		tool_notice(
			"connections that are older than the guard stay unknown: %s", error.text);
	result = guard_older_check(&older, options, source, &found, &error);
	if (!result) {
		result = put_in_force(options, source, &found, &error);
		if (!result && settle(options, &found, &older, &error))
			tool_notice("the policy is in force, but: %s", error.text);
		if (!result)
			notice_overlays(name_of(options));
		stoq_guard_older_free(&older);
	}
	tool_identified_free(&found);
	return result ? tool_fail(&error) : EXIT_SUCCESS;
}

int guard_on(int argc, char **argv)
{
	static struct guard_options options;
	static struct stoq_guard_source source;
	struct stoq_error error;
	int status;

	if (guard_options_parse(&options, GUARD_ON, argc, argv, &status))
		return status;
	if (stoq_guard_source_read(&source, options.path, &error))
		return tool_fail(&error);
	warn(&source);
	status = turn_on(&options, &source);
	stoq_guard_source_free(&source);
	return status;
}

/* A policy for the program that is there, which may be older than what we could load. */
/* What may be otherwise than expected: a policy that names no mode leaves the guard in its own. */
static void notice_guard(const char *name, enum stoq_guard_mode mode)
{
	struct stoq_guard_pins pins;
	struct stoq_guard_manifest manifest;

	if (stoq_guard_pins_init(&pins, name, NULL) ||
		stoq_guard_manifest_read(&pins, &manifest, NULL))
		return;
	if (stoq_guard_manifest_is_foreign(&manifest))
		tool_notice("guard %s runs the program of another stoq (%.11s); `stoq guard on "
			    "--replace --name %s FILE` puts this one's in its place, without a gap",
			name, manifest.version, name);
	if (manifest.audit && mode == STOQ_GUARD_MODE_NOT_NAMED)
		tool_notice("guard %s is still in audit mode: nothing is refused or dropped; `stoq "
			    "guard on --replace --name %s FILE` enforces",
			name, name);
}

int guard_reload(int argc, char **argv)
{
	static struct guard_options options;
	static struct stoq_guard_source source;
	struct stoq_guard_older older;
	struct stoq_error error;
	int status;

	if (guard_options_parse(&options, GUARD_RELOAD, argc, argv, &status))
		return status;
	if (stoq_guard_source_read(&source, options.path, &error)) {
		status = tool_fail(&error);
		tool_notice("nothing was changed: if a policy was in force, it still is");
		return status;
	}
	warn(&source);
	if (guard_older_check(&older, &options, &source, NULL, &error)) {
		stoq_guard_source_free(&source);
		return tool_fail(&error);
	}
	stoq_guard_older_free(&older);
	if (stoq_guard_reload(name_of(&options), &source, &error)) {
		status = tool_fail(&error);
	} else {
		printf("guard %s: policy %s, hash %016llx\n", name_of(&options), source.path,
			(unsigned long long)source.compiled->hash);
		notice_guard(name_of(&options), source.policy.mode);
		status = EXIT_SUCCESS;
	}
	stoq_guard_source_free(&source);
	return status;
}

int guard_off(int argc, char **argv)
{
	static struct guard_options options;
	struct stoq_error error;
	int status;

	if (guard_options_parse(&options, GUARD_OFF, argc, argv, &status))
		return status;
	if (stoq_guard_off(name_of(&options), &error))
		return tool_fail(&error);
	printf("guard %s: off\n", name_of(&options));
	return EXIT_SUCCESS;
}
