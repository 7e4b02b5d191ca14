// SPDX-License-Identifier: BSD-2-Clause
#include "tool/tunnel/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "pki/material.h"
#include "tool/message.h"
#include "tool/options.h"
#include "transport/settings.h"

const char tunnel_help[] =
#include "stoq-tunnel.help.h"
	;

/* An hour: as long as anything is measured. */
#define SPIN_US	    3600000000u
#define US_NS	    1000u
#define POLL_MAX_NS 1000000u
#define MEMORY_MAX  (64ull << 30)

#define KEY_PACKETS_MIN 64 /* as include/stoq/config.h has it */

enum tunnel_option {
	OPTION_LISTEN = TOOL_OPTION_FIRST,
	OPTION_TARGET,
	OPTION_PEER,
	OPTION_ANY_HOST_NQN,
	OPTION_POLICY,
	OPTION_CONNECT,
	OPTION_NAME,
	OPTION_ACCEPT,
	OPTION_LOCAL,
	OPTION_CERTIFICATES,
	OPTION_LANES,
	OPTION_WORKERS,
	OPTION_SPIN,
	OPTION_BYTES,
	OPTION_MAX_QUEUES,
	OPTION_MEMORY,
	OPTION_HOST_QUEUES,
	OPTION_HOST_CONNECTIONS,
	OPTION_CONGESTION,
	OPTION_NO_PACING,
	OPTION_KEY_PACKETS,
	OPTION_POLL,
	OPTION_STATUS,
	OPTION_METRICS,
	OPTION_WEB_CONFIG,
};

#define OPTIONS_OF_BOTH                                                                            \
	TOOL_OPTION_HELP, {"certificates", required_argument, NULL, OPTION_CERTIFICATES},          \
		{"lanes", required_argument, NULL, OPTION_LANES},                                  \
		{"workers", required_argument, NULL, OPTION_WORKERS},                              \
		{"status", required_argument, NULL, OPTION_STATUS},                                \
		{"metrics", optional_argument, NULL, OPTION_METRICS},                              \
		{"web-config", required_argument, NULL, OPTION_WEB_CONFIG},                        \
		{"spin", no_argument, NULL, OPTION_SPIN},                                          \
		{"poll", required_argument, NULL, OPTION_POLL},                                    \
		{"bytes", no_argument, NULL, OPTION_BYTES},                                        \
		{"max-queues", required_argument, NULL, OPTION_MAX_QUEUES},                        \
		{"memory", required_argument, NULL, OPTION_MEMORY},                                \
		{"congestion", required_argument, NULL, OPTION_CONGESTION},                        \
		{"key-packets", required_argument, NULL, OPTION_KEY_PACKETS},                      \
	{                                                                                          \
		"no-pacing", no_argument, NULL, OPTION_NO_PACING                                   \
	}

static const struct option listen_options[] = {
	OPTIONS_OF_BOTH,
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"target", required_argument, NULL, OPTION_TARGET},
	{"peer", required_argument, NULL, OPTION_PEER},
	{"any-host-nqn", no_argument, NULL, OPTION_ANY_HOST_NQN},
	{"policy", required_argument, NULL, OPTION_POLICY},
	{"host-queues", required_argument, NULL, OPTION_HOST_QUEUES},
	{"host-connections", required_argument, NULL, OPTION_HOST_CONNECTIONS},
	{NULL, 0, NULL, 0},
};

static const struct option connect_options[] = {
	OPTIONS_OF_BOTH,
	{"connect", required_argument, NULL, OPTION_CONNECT},
	{"name", required_argument, NULL, OPTION_NAME},
	{"accept", required_argument, NULL, OPTION_ACCEPT},
	{"local", required_argument, NULL, OPTION_LOCAL},
	{NULL, 0, NULL, 0},
};

/* ---- addresses and names ---- */

static int take_listen(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	struct stoq_address address;
	int ret = stoq_address_parse(&address, text, STOQ_DEFAULT_PORT, error);

	if (ret)
		return ret;
	stoq_address_host(options->bind, &address);
	options->tunnel.transport.bind_address = options->bind;
	options->tunnel.transport.port = stoq_address_port(&address);
	options->has_address = true;
	return 0;
}

/* A target's name, of which there are `size` characters. */
static int take_name(char out[static STOQ_LANE_TARGET_MAX + 1], const char *text, size_t size,
	struct stoq_error *error)
{
	if (size <= STOQ_LANE_TARGET_MAX) {
		memcpy(out, text, size);
		out[size] = '\0';
		if (stoq_lane_target_valid(out))
			return 0;
	}
	return stoq_error_set(error, -EINVAL,
		"'%.*s' is no target's name: 1 to %d letters, digits, '-', '_', '.', ':'",
		size < 80 ? (int)size : 80, text, STOQ_LANE_TARGET_MAX);
}

/* [NAME=]ADDRESS[:PORT] */
static int take_target(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	struct stoq_tunnel_config *config = &options->tunnel;
	struct stoq_tunnel_target *target = &config->targets[config->target_count];
	const char *equals = strchr(text, '=');
	int ret = 0;

	if (config->target_count == STOQ_TUNNEL_PLACES_MAX)
		return stoq_error_set(error, -EINVAL, "--target: there can be at most %d",
			STOQ_TUNNEL_PLACES_MAX);
	if (equals) {
		ret = take_name(target->name, text, (size_t)(equals - text), error);
		text = equals + 1;
	}
	if (!ret)
		ret = stoq_address_parse(&target->address, text, NVME_TCP_PORT, error);
	for (unsigned int i = 0; !ret && i < config->target_count; i++)
		if (strcmp(config->targets[i].name, target->name) == 0)
			ret = stoq_error_set(error, -EINVAL,
				"--target: there are two of the name '%s'; NAME=ADDRESS:PORT names "
				"one",
				target->name);
	config->target_count++;
	return ret;
}

/* ADDRESS[:PORT][=TARGET] */
static int take_accept(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	struct stoq_tunnel_config *config = &options->tunnel;
	struct stoq_tunnel_door *door = &config->doors[config->door_count];
	const char *equals = strchr(text, '=');
	char address[STOQ_ADDRESS_TEXT];
	int ret = 0;

	if (config->door_count == STOQ_TUNNEL_PLACES_MAX)
		return stoq_error_set(error, -EINVAL, "--accept: there can be at most %d",
			STOQ_TUNNEL_PLACES_MAX);
	if (equals) {
		if (snprintf(address, sizeof(address), "%.*s", (int)(equals - text), text) >=
			(int)sizeof(address))
			return stoq_error_set(error, -EINVAL, "'%.40s...' is no address", text);
		ret = take_name(door->target, equals + 1, strlen(equals + 1), error);
		text = address;
	}
	config->door_count++;
	return ret ? ret : stoq_address_parse(&door->address, text, NVME_TCP_PORT, error);
}

static int take_peer(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	if (options->peer_count == TUNNEL_PEERS_MAX)
		return stoq_error_set(
			error, -EINVAL, "--peer: there can be at most %d", TUNNEL_PEERS_MAX);
	options->peers[options->peer_count++] = text;
	return 0;
}

/* HOST[:PORT], where a host may be a name. */
static int take_connect(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	struct stoq_tunnel_config *config = &options->tunnel;
	struct stoq_address *remote = &config->remotes[config->remote_count];
	struct sockaddr_storage found;
	const char *colon = strrchr(text, ':');
	uint64_t port = STOQ_DEFAULT_PORT;
	char host[256];
	int ret;

	if (config->remote_count == STOQ_TUNNEL_REMOTES_MAX)
		return stoq_error_set(error, -EINVAL, "--connect: there can be at most %d",
			STOQ_TUNNEL_REMOTES_MAX);
	config->remote_count++;
	options->has_address = true;
	if (!stoq_address_parse(remote, text, STOQ_DEFAULT_PORT, error))
		return 0;
	if (colon && stoq_parse_number(colon + 1, 1, UINT16_MAX, &port))
		return stoq_error_set(error, -EINVAL, "--connect: '%.80s' has no valid port", text);
	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);
	ret = stoq_resolve(host, (uint16_t)port, &found, 1, error);
	if (ret < 0)
		return ret;
	stoq_address_from(remote, (struct sockaddr *)&found, sizeof(found));
	/* A name that was resolved is the name that the certificate should have. */
	return 0;
}

/* ADDRESS, one of this machine's: the port is the kernel's choice. */
static int take_local(struct stoq_tunnel_config *config, const char *text, struct stoq_error *error)
{
	struct stoq_address *local = &config->locals[config->local_count];

	if (config->local_count == STOQ_PATHS_MAX)
		return stoq_error_set(
			error, -EINVAL, "--local: there can be at most %d", STOQ_PATHS_MAX);
	if (stoq_address_parse(local, text, 0, NULL) || stoq_address_port(local) ||
		stoq_address_is_wildcard(local) || stoq_address_is_multicast(local))
		return stoq_error_set(error, -EINVAL,
			"--local: '%.80s' is not the address of one interface, without a port",
			text);
	for (unsigned int i = 0; i < config->local_count; i++)
		if (stoq_address_same_host(local, &config->locals[i]))
			return stoq_error_set(
				error, -EINVAL, "--local: %.80s is there twice", text);
	config->local_count++;
	return 0;
}

static int take_certificates(
	struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	struct {
		char *path;
		const char *name;
	} files[] = {{options->ca, STOQ_PKI_CA_FILE}, {options->certificate, STOQ_PKI_CERT_FILE},
		{options->key, STOQ_PKI_KEY_FILE}, {options->crl, STOQ_PKI_CRL_FILE}};

	options->certificates = text;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (snprintf(files[i].path, TUNNEL_PATH_BYTES, "%s/%s", text, files[i].name) >=
			TUNNEL_PATH_BYTES)
			return stoq_error_set(
				error, -EINVAL, "--certificates: '%.40s...' is too long", text);
	options->tunnel.transport.tls.ca_file = options->ca;
	options->tunnel.transport.tls.certificate_file = options->certificate;
	options->tunnel.transport.tls.key_file = options->key;
	if (access(options->crl, F_OK) == 0)
		options->tunnel.transport.tls.crl_file = options->crl;
	return 0;
}

/* ---- figures ---- */

static int take_number(const char *name, const char *text, uint64_t max, unsigned int *value,
	struct stoq_error *error)
{
	uint64_t number;

	if (stoq_parse_number(text, 1, max, &number))
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.40s' is not a number from 1 to %llu", name, text,
			(unsigned long long)max);
	*value = (unsigned int)number;
	return 0;
}

static int take_congestion(
	struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	static const struct {
		const char *name;
		enum stoq_congestion_control value;
	} known[] = {{"cubic", STOQ_CUBIC}, {"bbr", STOQ_BBR}, {"reno", STOQ_RENO}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, text) != 0)
			continue;
		options->tunnel.transport.congestion_control = known[i].value;
		return 0;
	}
	return stoq_error_set(
		error, -EINVAL, "--congestion is cubic, bbr or reno, not '%.40s'", text);
}

static int take_memory(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	uint64_t bytes;

	if (stoq_parse_bytes(text, &bytes) || bytes < STOQ_TUNNEL_MEMORY_MIN || bytes > MEMORY_MAX)
		return stoq_error_set(
			error, -EINVAL, "--memory: '%.40s' is not a size from 16m to 64g", text);
	stoq_tunnel_config_set_memory(&options->tunnel, bytes);
	return 0;
}

static int take_key_packets(
	struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	uint64_t *packets = &options->tunnel.transport.key_update_packets;

	if (stoq_parse_number(text, KEY_PACKETS_MIN, STOQ_KEY_UPDATE_PACKETS_MAX, packets))
		return stoq_error_set(error, -EINVAL,
			"--key-packets: '%.40s' is not a number from %d to %llu", text,
			KEY_PACKETS_MIN, STOQ_KEY_UPDATE_PACKETS_MAX);
	return 0;
}

static int take_poll(struct tunnel_options *options, const char *text, struct stoq_error *error)
{
	uint64_t poll_ns;

	if (stoq_parse_duration_ns(text, &poll_ns) || poll_ns > POLL_MAX_NS)
		return stoq_error_set(error, -EINVAL,
			"--poll: '%.40s' is not a time from 0 to 1ms, such as 100us", text);
	options->tunnel.poll_us = (unsigned int)(poll_ns / US_NS);
	return 0;
}

static int take_figure(
	struct tunnel_options *options, int option, const char *text, struct stoq_error *error)
{
	struct stoq_tunnel_config *config = &options->tunnel;

	switch (option) {
	case OPTION_LANES:
		return take_number("lanes", text, STOQ_LANES_MAX, &config->lanes, error);
	case OPTION_WORKERS:
		return take_number("workers", text, 64, &config->transport.workers, error);
	case OPTION_MAX_QUEUES:
		return take_number("max-queues", text, 65535, &config->queues_max, error);
	case OPTION_HOST_QUEUES:
		return take_number("host-queues", text, 65535, &config->host_queues_max, error);
	case OPTION_HOST_CONNECTIONS:
		return take_number(
			"host-connections", text, 65535, &config->host_connections_max, error);
	case OPTION_MEMORY:
		return take_memory(options, text, error);
	case OPTION_POLL:
		return take_poll(options, text, error);
	case OPTION_KEY_PACKETS:
		return take_key_packets(options, text, error);
	default:
		return take_congestion(options, text, error);
	}
}

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct tunnel_options *options = context;

	switch (option) {
	case OPTION_LISTEN:
		return take_listen(options, text, error);
	case OPTION_TARGET:
		return take_target(options, text, error);
	case OPTION_PEER:
		return take_peer(options, text, error);
	case OPTION_ANY_HOST_NQN:
		options->tunnel.any_host_nqn = true;
		return 0;
	case OPTION_POLICY:
		options->tunnel.policy_file = text;
		return 0;
	case OPTION_CONNECT:
		return take_connect(options, text, error);
	case OPTION_NAME:
		options->tunnel.remote_name = text;
		return 0;
	case OPTION_ACCEPT:
		return take_accept(options, text, error);
	case OPTION_LOCAL:
		return take_local(&options->tunnel, text, error);
	case OPTION_CERTIFICATES:
		return take_certificates(options, text, error);
	case OPTION_SPIN:
		options->tunnel.spin_us = SPIN_US;
		return 0;
	case OPTION_BYTES:
		options->tunnel.bytes = true;
		return 0;
	case OPTION_METRICS:
		return tool_metrics_take(
			&options->metrics, "metrics", text, TUNNEL_METRICS_PORT, error);
	case OPTION_WEB_CONFIG:
		options->metrics.place.web_config = text;
		return 0;
	case OPTION_STATUS:
		options->status = text;
		return 0;
	case OPTION_NO_PACING:
		options->tunnel.transport.pacing = false;
		return 0;
	default:
		return take_figure(options, option, text, error);
	}
}

/* ---- all together ---- */

static int complete_listen(struct tunnel_options *options, struct stoq_error *error)
{
	static const char *const everybody[] = {"*"};
	struct stoq_tls_config *tls = &options->tunnel.transport.tls;

	if (!options->has_address)
		return stoq_error_set(error, -EINVAL,
			"--listen ADDRESS[:PORT] is needed: where the tunnel's host ends connect "
			"to");
	if (!options->tunnel.target_count)
		return stoq_error_set(
			error, -EINVAL, "--target ADDRESS[:PORT] is needed: the NVMe/TCP target");
	tls->peer_names = options->peer_count ? options->peers : everybody;
	tls->peer_name_count = options->peer_count ? options->peer_count : 1;
	return 0;
}

static int complete_connect(struct tunnel_options *options, struct stoq_error *error)
{
	static const char *const everybody[] = {"*"};
	struct stoq_tunnel_config *config = &options->tunnel;

	if (!options->has_address || !config->remote_name)
		return stoq_error_set(error, -EINVAL,
			"--connect HOST[:PORT] and --name NAME are needed: the tunnel's target end "
			"and "
			"the name in its certificate");
	for (unsigned int i = 0; i < config->local_count; i++)
		for (unsigned int j = 0; j < config->remote_count; j++)
			if (config->locals[i].sa.sa_family != config->remotes[j].sa.sa_family)
				return stoq_error_set(error, -EINVAL,
					"--local and --connect have to be all IPv4 or all IPv6");
	config->transport.tls.peer_names = everybody;
	config->transport.tls.peer_name_count = 1;
	if (config->door_count)
		return 0;
	config->door_count = 1;
	return stoq_address_parse(&config->doors[0].address, "127.0.0.1", NVME_TCP_PORT, error);
}

int tunnel_options_complete(struct tunnel_options *options, struct stoq_error *error)
{
	if (!options->certificates)
		return stoq_error_set(error, -EINVAL,
			"--certificates FOLDER is needed; `stoq pki issue` makes one");
	if (tool_metrics_check(&options->metrics, "metrics", error))
		return -EINVAL;
	return options->tunnel.end == STOQ_TUNNEL_TARGET_END ? complete_listen(options, error)
							     : complete_connect(options, error);
}

void tunnel_options_begin(struct tunnel_options *options, enum stoq_tunnel_end end)
{
	memset(options, 0, sizeof(*options));
	stoq_tunnel_config_init(&options->tunnel, end);
}

const struct option *tunnel_options_table(enum stoq_tunnel_end end)
{
	return end == STOQ_TUNNEL_TARGET_END ? listen_options : connect_options;
}

int tunnel_options_take(
	struct tunnel_options *options, int option, const char *text, struct stoq_error *error)
{
	return take_option(options, option, text, error);
}

int tunnel_options_parse(int argc, char **argv, enum stoq_tunnel_end end,
	struct tunnel_options *options, int *status)
{
	const struct tool_options known = {tunnel_options_table(end), tunnel_help, take_option};
	struct stoq_error error;

	tunnel_options_begin(options, end);
	if (tool_options_only(&known, options, argc, argv, status))
		return -1;
	if (tunnel_options_complete(options, &error)) {
		*status = tool_usage("%s", error.text);
		return -1;
	}
	return 0;
}
