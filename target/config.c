// SPDX-License-Identifier: BSD-2-Clause
#include "target/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/units.h"
#include "nvme/nvme_tcp.h"

#define NS_PER_US 1000

void stoq_target_config_init(struct stoq_target_config *config)
{
	*config = (struct stoq_target_config){
		.name = "default",
		.run_base = "/run/stoq",
		.address = "127.0.0.1",
		.port = NVME_TCP_PORT,
		.timeout_ms = 30000,
		.huge_pages = "auto",
	};
}

static const char *skip_prefix(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* "SIZE[:BLOCK]" */
static int parse_geometry(
	struct stoq_target_namespace *out, const char *text, struct stoq_error *error)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t block = 512;
	char size[32];

	if (length >= sizeof(size))
		return stoq_error_set(error, -EINVAL, "'%.40s' is not a size", text);
	memcpy(size, text, length);
	size[length] = '\0';
	if (stoq_parse_bytes(size, &out->size_bytes))
		return stoq_error_set(
			error, -EINVAL, "'%s' is not a size, such as 64M or 2G", size);
	if (colon && (stoq_parse_bytes(colon + 1, &block) || (block != 512 && block != 4096)))
		return stoq_error_set(
			error, -EINVAL, "the block size is 512 or 4096, not '%.40s'", colon + 1);
	if (!out->size_bytes || out->size_bytes % (1u << 20))
		return stoq_error_set(
			error, -EINVAL, "the size '%s' is not a whole number of MiB", size);
	out->block_bytes = (uint32_t)block;
	return 0;
}

/* Exactly so many hexadecimal digits at *text, and the character behind them. */
static bool skip_hex(const char **text, size_t digits, char behind)
{
	for (size_t i = 0; i < digits; i++) {
		if (!isxdigit((unsigned char)(*text)[i]))
			return false;
	}
	if ((*text)[digits] != behind)
		return false;
	*text += digits + (behind != '\0');
	return true;
}

/* "[DOMAIN:]BUS:DEVICE.FUNCTION", hexadecimal; stored with its domain. */
static int parse_pci_address(
	struct stoq_target_namespace *out, const char *text, struct stoq_error *error)
{
	const char *rest = text;
	bool has_domain = skip_hex(&rest, 4, ':');

	if (!skip_hex(&rest, 2, ':') || !skip_hex(&rest, 2, '.') || !skip_hex(&rest, 1, '\0'))
		return stoq_error_set(
			error, -EINVAL, "'%.40s' is not a PCI address such as 0000:01:00.0", text);
	snprintf(out->location, sizeof(out->location), "%s%s", has_domain ? "" : "0000:", text);
	return 0;
}

int stoq_target_parse_namespace(
	struct stoq_target_namespace *out, const char *text, struct stoq_error *error)
{
	struct stoq_target_namespace namespace = {.medium = STOQ_MEDIUM_PATH};
	const char *rest;
	int ret = 0;

	if ((rest = skip_prefix(text, "malloc:"))) {
		namespace.medium = STOQ_MEDIUM_MALLOC;
		ret = parse_geometry(&namespace, rest, error);
	} else if ((rest = skip_prefix(text, "null:"))) {
		namespace.medium = STOQ_MEDIUM_NULL;
		ret = parse_geometry(&namespace, rest, error);
	} else if ((rest = skip_prefix(text, "nvme:"))) {
		namespace.medium = STOQ_MEDIUM_NVME;
		ret = parse_pci_address(&namespace, rest, error);
	} else if (text[0] != '/') {
		ret = stoq_error_set(error, -EINVAL,
			"'%.60s' is no namespace: write malloc:SIZE, null:SIZE, nvme:PCI-ADDRESS "
			"or an absolute path",
			text);
	} else if (strlen(text) >= sizeof(namespace.location)) {
		ret = stoq_error_set(error, -EINVAL, "the path is longer than %zu bytes",
			sizeof(namespace.location) - 1);
	} else {
		memcpy(namespace.location, text, strlen(text) + 1);
	}
	if (!ret)
		*out = namespace;
	return ret;
}

static int parse_latency(struct stoq_target_latency *out, const char *text)
{
	const char *comma = strchr(text, ',');
	char average[32];
	size_t length = comma ? (size_t)(comma - text) : strlen(text);
	uint64_t average_ns, p99_ns;

	if (length >= sizeof(average))
		return -EINVAL;
	memcpy(average, text, length);
	average[length] = '\0';
	if (stoq_parse_duration_ns(average, &average_ns))
		return -EINVAL;
	p99_ns = average_ns;
	if (comma && stoq_parse_duration_ns(comma + 1, &p99_ns))
		return -EINVAL;
	if (average_ns < NS_PER_US || p99_ns < average_ns)
		return -EINVAL;
	out->average_us = average_ns / NS_PER_US;
	out->p99_us = p99_ns / NS_PER_US;
	return 0;
}

int stoq_target_parse_delay(
	struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	const char *reads = skip_prefix(text, "read:"), *writes = skip_prefix(text, "write:");
	struct stoq_target_latency latency;

	if (parse_latency(&latency, reads ? reads : writes ? writes : text))
		return stoq_error_set(error, -EINVAL,
			"'%.60s' is no delay: write [read:|write:]AVERAGE[,P99], such as "
			"200us,5ms, "
			"1us and up, P99 not below the average",
			text);
	if (!writes)
		config->read_latency = latency;
	if (!reads)
		config->write_latency = latency;
	return 0;
}

int stoq_target_parse_fail(
	struct stoq_target_config *config, const char *text, struct stoq_error *error)
{
	const char *reads = skip_prefix(text, "read:"), *writes = skip_prefix(text, "write:");
	uint64_t count;

	if ((!reads && !writes) || stoq_parse_number(reads ? reads : writes, 1, UINT32_MAX, &count))
		return stoq_error_set(error, -EINVAL,
			"'%.60s' is no fault: write read:COUNT or write:COUNT", text);
	if (reads)
		config->fail_reads = (uint32_t)count;
	else
		config->fail_writes = (uint32_t)count;
	return 0;
}

int stoq_target_check_name(const char *name, struct stoq_error *error)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t length = strlen(name);

	if (length == 0 || length > STOQ_TARGET_NAME_MAX || strspn(name, allowed) != length ||
		!isalnum((unsigned char)name[0]))
		return stoq_error_set(error, -EINVAL,
			"'%.60s' is no target name: 1 to %d letters, digits, '-', '_' and '.', "
			"beginning with a letter or digit",
			name, STOQ_TARGET_NAME_MAX);
	return 0;
}

static bool begins_like_an_nqn(const char *nqn)
{
	static const char shape[] = "nqn.####-##.";

	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] == '#' ? !isdigit((unsigned char)nqn[i]) : nqn[i] != shape[i])
			return false;
	}
	return nqn[sizeof(shape) - 1] != '\0';
}

int stoq_target_check_nqn(const char *nqn, struct stoq_error *error)
{
	size_t length = strlen(nqn);
	bool right = length <= STOQ_TARGET_NQN_MAX && begins_like_an_nqn(nqn);

	/* It becomes a folder's name in configfs: no path may hide in it. */
	for (size_t i = 0; right && i < length; i++)
		right = isgraph((unsigned char)nqn[i]) && nqn[i] != '/';
	if (!right)
		return stoq_error_set(error, -EINVAL,
			"'%.60s' is no NQN: nqn.YYYY-MM.DOMAIN:NAME, at most %d bytes", nqn,
			STOQ_TARGET_NQN_MAX);
	return 0;
}

bool stoq_target_is_loopback(const char *address)
{
	uint8_t bytes[STOQ_ENDPOINT_BYTES];

	return !stoq_host_parse(bytes, address) && stoq_host_is_loopback(bytes);
}

static int check_access(const struct stoq_target_config *config, struct stoq_error *error)
{
	unsigned char binary[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, config->address, binary) != 1 &&
		inet_pton(AF_INET6, config->address, binary) != 1)
		return stoq_error_set(
			error, -EINVAL, "'%.60s' is not a numeric IP address", config->address);
	if (config->any_host && config->host_count)
		return stoq_error_set(
			error, -EINVAL, "--host any and named hosts exclude each other");
	if (!config->any_host && !config->host_count && !stoq_target_is_loopback(config->address))
		return stoq_error_set(error, -EINVAL,
			"%s is not a loopback address: say who may connect, with --host NQN for "
			"each host or --host any",
			config->address);
	return 0;
}

static bool has_delay(const struct stoq_target_config *config)
{
	return config->read_latency.average_us || config->write_latency.average_us;
}

static int check_kernel(const struct stoq_target_config *config, struct stoq_error *error)
{
	const struct stoq_target_latency *read = &config->read_latency;
	const struct stoq_target_latency *write = &config->write_latency;

	if (config->fail_reads || config->fail_writes)
		return stoq_error_set(error, -EINVAL, "--fail needs --spdk");
	if (read->average_us != write->average_us || read->p99_us != read->average_us ||
		write->p99_us != write->average_us)
		return stoq_error_set(error, -EINVAL,
			"with --kernel there is one delay for all commands: --delay TIME");
	for (size_t i = 0; i < config->namespace_count; i++) {
		enum stoq_medium medium = config->namespaces[i].medium;

		if (medium == STOQ_MEDIUM_NVME)
			return stoq_error_set(error, -EINVAL,
				"nvme:PCI-ADDRESS needs --spdk; with --kernel give the device's "
				"path, such as /dev/nvme0n1");
		if (has_delay(config) && medium == STOQ_MEDIUM_PATH)
			return stoq_error_set(error, -EINVAL,
				"with --kernel only malloc and null namespaces can be delayed, "
				"not %s",
				config->namespaces[i].location);
	}
	return 0;
}

static int check_spdk(const struct stoq_target_config *config, struct stoq_error *error)
{
	const char *pages = config->huge_pages;

	if (strcmp(pages, "auto") != 0 && strcmp(pages, "yes") != 0 && strcmp(pages, "no") != 0)
		return stoq_error_set(
			error, -EINVAL, "--huge-pages is auto, yes or no, not '%.20s'", pages);
	return 0;
}

int stoq_target_config_finish(struct stoq_target_config *config, struct stoq_error *error)
{
	int ret = stoq_target_check_name(config->name, error);

	if (ret)
		return ret;
	if (!config->nqn[0])
		snprintf(config->nqn, sizeof(config->nqn), "nqn.2014-08.org.nvmexpress:stoq-%s",
			config->name);
	if (!config->namespace_count)
		config->namespaces[config->namespace_count++] =
			(struct stoq_target_namespace){STOQ_MEDIUM_MALLOC, 64u << 20, 512, ""};
	ret = stoq_target_check_nqn(config->nqn, error);
	for (size_t i = 0; !ret && i < config->host_count; i++)
		ret = stoq_target_check_nqn(config->hosts[i], error);
	if (!ret)
		ret = check_access(config, error);
	if (!ret)
		ret = config->kind == STOQ_TARGET_KERNEL ? check_kernel(config, error)
							 : check_spdk(config, error);
	if (!ret && !config->host_count)
		config->any_host = true;
	return ret;
}

void stoq_target_describe_namespace(
	const struct stoq_target_namespace *namespace, char *text, size_t size)
{
	uint64_t mib = namespace->size_bytes >> 20;

	switch (namespace->medium) {
	case STOQ_MEDIUM_MALLOC:
	case STOQ_MEDIUM_NULL:
		snprintf(text, size, "%s:%" PRIu64 "%c:%u",
			namespace->medium == STOQ_MEDIUM_MALLOC ? "malloc" : "null",
			mib % 1024 ? mib : mib / 1024, mib % 1024 ? 'M' : 'G',
			namespace->block_bytes);
		break;
	case STOQ_MEDIUM_NVME:
		snprintf(text, size, "nvme:%s", namespace->location);
		break;
	case STOQ_MEDIUM_PATH:
		snprintf(text, size, "%s", namespace->location);
		break;
	}
}
