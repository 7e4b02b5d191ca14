// SPDX-License-Identifier: BSD-2-Clause
#include "tool/identify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flow/vlans.h"
#include "target/peers.h"
#include "target/target.h"
#include "tool/message.h"

#define SPDK_SOCKET "/var/tmp/spdk.sock" /* SPDK's own default */

/* A socket that is only guessed at may belong to a process that hangs. */
#define NAMED_MS   10000
#define GUESSED_MS 1500

static bool copy_nqn(char nqn[static NVME_NQN_LENGTH], const char *text)
{
	size_t length = strlen(text);

	if (!length || length > NVME_NQN_MAX)
		return false;
	memset(nqn, 0, NVME_NQN_LENGTH);
	memcpy(nqn, text, length + 1);
	return true;
}

static void take_peer(void *context, const struct stoq_target_peer *peer)
{
	struct stoq_flow_known known = {.qid = peer->qid};

	if (stoq_flow_end_parse(&known.host, peer->host_address, peer->host_port) ||
		stoq_flow_end_parse(&known.controller, peer->address, peer->port) ||
		!copy_nqn(known.host_nqn, peer->host_nqn) ||
		!copy_nqn(known.subsystem_nqn, peer->subsystem_nqn))
		return;
	stoq_flow_identities_add(context, &known);
}

/* ---- SPDK ---- */

static bool is_silent(const struct tool_identified *before, const char *path)
{
	for (size_t i = 0; before && i < before->silent_count; i++)
		if (strcmp(before->silent[i], path) == 0)
			return true;
	return false;
}

static void note_silent(struct tool_identified *found, const char *path)
{
	if (found->silent_count == TOOL_SPDK_SOCKETS_MAX ||
		strlen(path) >= sizeof(found->silent[0]))
		return;
	snprintf(found->silent[found->silent_count++], sizeof(found->silent[0]), "%s", path);
}

static void ask_guessed(
	struct tool_identified *found, const struct tool_identified *before, const char *path)
{
	struct stoq_error error;
	int result;

	if (access(path, F_OK))
		return;
	if (is_silent(before, path)) {
		note_silent(found, path);
		return;
	}
	result = stoq_target_spdk_peers(path, GUESSED_MS, take_peer, &found->identities, &error);
	/* A socket that a dead process left says nothing about connections. */
	if (!result || result == -ECONNREFUSED || result == -ENOENT)
		return;
	note_silent(found, path);
	tool_notice("asked SPDK at %s which hosts are connected, waited %.1f s at most, and got no "
		    "answer (%s): hosts that are connected there stay unknown",
		path, GUESSED_MS / 1000.0, error.text);
}

static void ask_our_targets(struct tool_identified *found, const struct tool_identified *before)
{
	static struct stoq_target_names names;
	struct stoq_target_config config;
	struct stoq_target_paths paths;

	stoq_target_config_init(&config);
	if (stoq_target_list(config.run_base, &names, NULL))
		return;
	for (size_t i = 0; i < names.count; i++)
		if (stoq_target_paths_set(&paths, config.run_base, names.names[i], NULL) == 0)
			ask_guessed(found, before, paths.socket);
}

static bool is_named(const struct tool_identify *asked, const char *path)
{
	for (size_t i = 0; i < asked->socket_count; i++)
		if (strcmp(asked->sockets[i], path) == 0)
			return true;
	return false;
}

static int ask_spdk(struct tool_identified *found, const struct tool_identify *asked,
	const struct tool_identified *before, struct stoq_error *error)
{
	for (size_t i = 0; i < asked->socket_count; i++) {
		int result = stoq_target_spdk_peers(
			asked->sockets[i], NAMED_MS, take_peer, &found->identities, error);

		if (result)
			return result;
	}
	ask_our_targets(found, before);
	if (!is_named(asked, SPDK_SOCKET))
		ask_guessed(found, before, SPDK_SOCKET);
	return 0;
}

/* ---- the kernel ---- */

static int ask_kernel(struct tool_identified *found, const struct tool_identify *asked)
{
	struct stoq_flow_controllers controllers = {0};
	int result = stoq_flow_controllers_of_host(&controllers, STOQ_FLOW_SYSFS);

	if (!result)
		result = stoq_flow_controllers_of_target(&controllers, STOQ_FLOW_DEBUGFS);
	if (!result)
		result = stoq_flow_controllers_identify(
			&controllers, &found->sockets, &asked->ports, &found->identities);
	stoq_flow_controllers_free(&controllers);
	return result;
}

/* Of connections behind a VLAN tag, that too. */
static int add_tagged(struct tool_identified *found)
{
	struct stoq_flow_vlans vlans;
	int result = stoq_flow_vlans_list(&vlans);

	if (!result)
		result = stoq_flow_vlans_identify(&vlans, &found->identities);
	stoq_flow_vlans_free(&vlans);
	return result;
}

int tool_identify(struct tool_identified *found, const struct tool_identify *asked,
	const struct tool_identified *before, struct stoq_error *error)
{
	int result;

	*found = (struct tool_identified){0};
	stoq_flow_sockets_list(&found->sockets, &found->sockets_error);
	result = ask_spdk(found, asked, before, error);
	if (!result && (ask_kernel(found, asked) || add_tagged(found)))
		result = stoq_error_set(error, -ENOMEM, "no memory");
	if (result)
		tool_identified_free(found);
	return result;
}

void tool_identified_free(struct tool_identified *found)
{
	stoq_flow_sockets_free(&found->sockets);
	stoq_flow_identities_free(&found->identities);
}
