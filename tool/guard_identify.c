// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard_identify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard/controllers.h"
#include "guard/vlans.h"
#include "target/peers.h"
#include "target/target.h"

#define SPDK_SOCKET "/var/tmp/spdk.sock" /* SPDK's own default */

static bool copy_nqn(char nqn[static NVME_NQN_LENGTH], const char *text)
{
	size_t length = strlen(text);

	if (!length || length > NVME_NQN_MAX)
		return false;
	snprintf(nqn, NVME_NQN_LENGTH, "%s", text);
	return true;
}

static void take_peer(void *context, const struct stoq_target_peer *peer)
{
	struct stoq_guard_known known = {.qid = peer->qid};

	if (stoq_guard_end_parse(&known.host, peer->host_address, peer->host_port) ||
		stoq_guard_end_parse(&known.controller, peer->address, peer->port) ||
		!copy_nqn(known.host_nqn, peer->host_nqn) ||
		!copy_nqn(known.subsystem_nqn, peer->subsystem_nqn))
		return;
	stoq_guard_identities_add(context, &known);
}

/* Sockets that are only guessed at need not answer. */
static void ask_guessed(struct stoq_guard_identities *identities, const char *path)
{
	if (access(path, F_OK) == 0)
		stoq_target_spdk_peers(path, take_peer, identities, NULL);
}

static void ask_our_targets(struct stoq_guard_identities *identities)
{
	static struct stoq_target_names names;
	struct stoq_target_config config;
	struct stoq_target_paths paths;

	stoq_target_config_init(&config);
	if (stoq_target_list(config.run_base, &names, NULL))
		return;
	for (size_t i = 0; i < names.count; i++)
		if (stoq_target_paths_set(&paths, config.run_base, names.names[i], NULL) == 0)
			ask_guessed(identities, paths.socket);
}

static int ask_spdk(struct stoq_guard_identities *identities, const struct guard_options *options,
	struct stoq_error *error)
{
	for (size_t i = 0; i < options->socket_count; i++) {
		int result =
			stoq_target_spdk_peers(options->sockets[i], take_peer, identities, error);

		if (result)
			return result;
	}
	ask_our_targets(identities);
	ask_guessed(identities, SPDK_SOCKET);
	return 0;
}

static int ask_kernel(struct guard_found *found, const struct guard_options *options)
{
	struct stoq_guard_controllers controllers = {0};
	int result = stoq_guard_controllers_of_host(&controllers, STOQ_GUARD_SYSFS);

	if (!result)
		result = stoq_guard_controllers_of_target(&controllers, STOQ_GUARD_DEBUGFS);
	if (!result)
		result = stoq_guard_controllers_identify(
			&controllers, &found->sockets, options->program.ports, &found->identities);
	stoq_guard_controllers_free(&controllers);
	return result;
}

/* Of connections behind a VLAN tag, that too. */
static int add_tagged(struct guard_found *found)
{
	struct stoq_guard_vlans vlans;
	int result = stoq_guard_vlans_list(&vlans);

	if (!result)
		result = stoq_guard_vlans_identify(&vlans, &found->identities);
	stoq_guard_vlans_free(&vlans);
	return result;
}

int guard_identify(
	struct guard_found *found, const struct guard_options *options, struct stoq_error *error)
{
	int result;

	*found = (struct guard_found){0};
	result = stoq_guard_sockets_list(&found->sockets, error);
	if (!result)
		result = ask_spdk(&found->identities, options, error);
	if (!result && (ask_kernel(found, options) || add_tagged(found)))
		result = stoq_error_set(error, -ENOMEM, "no memory");
	if (result)
		guard_found_free(found);
	return result;
}

void guard_found_free(struct guard_found *found)
{
	stoq_guard_sockets_free(&found->sockets);
	stoq_guard_identities_free(&found->identities);
}
