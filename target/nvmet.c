// SPDX-License-Identifier: BSD-2-Clause
#include "target/nvmet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "target/configfs.h"
#include "target/null_blk.h"

#define PORTS_MAX 1024

struct nvmet {
	struct stoq_configfs_session session;
	const struct stoq_target_config *config;
	char subsystem[STOQ_CONFIGFS_PATH_MAX / 2];
};

static int set(struct nvmet *nvmet, const char *folder, const char *attribute, const char *value)
{
	return stoq_configfs_write(&nvmet->session, folder, attribute, value);
}

static int make_subsystem(struct nvmet *nvmet)
{
	int ret = stoq_configfs_make(&nvmet->session, nvmet->subsystem);

	if (ret == -EEXIST)
		return stoq_error_set(nvmet->session.error, ret,
			"the kernel already has a subsystem %s, not made by this target; choose "
			"another with --nqn",
			nvmet->config->nqn);
	if (ret)
		return ret;
	return set(nvmet, nvmet->subsystem, "attr_allow_any_host",
		nvmet->config->any_host ? "1" : "0");
}

/* Where the namespace's data lives: a device of its own, or what the user named. */
static int find_medium(
	struct nvmet *nvmet, const struct stoq_target_namespace *namespace, char *path, size_t size)
{
	if (namespace->medium != STOQ_MEDIUM_PATH)
		return stoq_null_blk_make(&nvmet->session, namespace,
			nvmet->config->read_latency.average_us, path, size);
	if (access(namespace->location, R_OK | W_OK))
		return stoq_error_set(nvmet->session.error, -errno, "cannot use %s: %s",
			namespace->location, strerror(errno));
	snprintf(path, size, "%s", namespace->location);
	return 0;
}

static int make_namespace(struct nvmet *nvmet, unsigned int nsid)
{
	const struct stoq_target_namespace *namespace = &nvmet->config->namespaces[nsid - 1];
	char folder[STOQ_CONFIGFS_PATH_MAX], medium[STOQ_TARGET_PATH_MAX];
	int ret = find_medium(nvmet, namespace, medium, sizeof(medium));

	if (ret)
		return ret;
	snprintf(folder, sizeof(folder), "%s/namespaces/%u", nvmet->subsystem, nsid);
	ret = stoq_configfs_make(&nvmet->session, folder);
	if (!ret)
		ret = set(nvmet, folder, "device_path", medium);
	if (ret)
		return ret;
	ret = set(nvmet, folder, "enable", "1");
	if (ret == -EINVAL && namespace->medium == STOQ_MEDIUM_PATH)
		stoq_error_set(nvmet->session.error, ret,
			"the kernel cannot use %s as a namespace: its file system needs O_DIRECT "
			"(tmpfs and overlays lack it)",
			medium);
	return ret;
}

/* The host's entry may exist already, for other subsystems: then it is not ours. */
static int allow_host(struct nvmet *nvmet, const char *nqn)
{
	char host[STOQ_CONFIGFS_PATH_MAX / 2], link[STOQ_CONFIGFS_PATH_MAX];
	int ret;

	snprintf(host, sizeof(host), "%s/nvmet/hosts/%s", nvmet->session.fs->root, nqn);
	snprintf(link, sizeof(link), "%s/allowed_hosts/%s", nvmet->subsystem, nqn);
	ret = stoq_configfs_make(&nvmet->session, host);
	if (ret && ret != -EEXIST)
		return ret;
	ret = stoq_configfs_link(&nvmet->session, host, link);
	return ret == -EEXIST ? 0 : ret; /* the same host given twice */
}

/* Ports have numbers: the first free one. */
static int make_port(struct nvmet *nvmet, char *folder, size_t size)
{
	const struct stoq_target_config *config = nvmet->config;
	int ret = -EEXIST;
	char port[8];

	for (unsigned int i = 1; ret == -EEXIST && i <= PORTS_MAX; i++) {
		snprintf(folder, size, "%s/nvmet/ports/%u", nvmet->session.fs->root, i);
		ret = stoq_configfs_make(&nvmet->session, folder);
	}
	if (ret == -EEXIST)
		return stoq_error_set(
			nvmet->session.error, ret, "all %d ports of nvmet are taken", PORTS_MAX);
	snprintf(port, sizeof(port), "%u", config->port);
	if (!ret)
		ret = set(nvmet, folder, "addr_trtype", "tcp");
	if (!ret)
		ret = set(nvmet, folder, "addr_adrfam",
			strchr(config->address, ':') ? "ipv6" : "ipv4");
	if (!ret)
		ret = set(nvmet, folder, "addr_traddr", config->address);
	return ret ? ret : set(nvmet, folder, "addr_trsvcid", port);
}

/* The link from port to subsystem is what opens the listening socket. */
static int open_port(struct nvmet *nvmet)
{
	char folder[STOQ_CONFIGFS_PATH_MAX / 2], link[STOQ_CONFIGFS_PATH_MAX];
	int ret = make_port(nvmet, folder, sizeof(folder));

	if (ret)
		return ret;
	snprintf(link, sizeof(link), "%s/subsystems/%s", folder, nvmet->config->nqn);
	ret = stoq_configfs_link(&nvmet->session, nvmet->subsystem, link);
	if (ret == -EINVAL || ret == -ENOENT)
		return stoq_error_set(nvmet->session.error, -EOPNOTSUPP,
			"nvmet cannot listen on TCP: this kernel has no nvmet-tcp module "
			"(CONFIG_NVME_TARGET_TCP)");
	if (ret)
		return stoq_error_set(nvmet->session.error, ret,
			"nvmet cannot listen on %s port %u: %s", nvmet->config->address,
			nvmet->config->port, strerror(-ret));
	return 0;
}

int stoq_nvmet_start(const struct stoq_configfs *configfs, const struct stoq_target_config *config,
	const char *state_path, struct stoq_target_state *state, struct stoq_error *error)
{
	struct nvmet nvmet = {.session = {configfs, state_path, state, error}, .config = config};
	struct utsname kernel;
	int ret;

	uname(&kernel);
	snprintf(state->software, sizeof(state->software), "nvmet of Linux %s", kernel.release);
	snprintf(nvmet.subsystem, sizeof(nvmet.subsystem), "%s/nvmet/subsystems/%s", configfs->root,
		config->nqn);
	ret = make_subsystem(&nvmet);
	for (unsigned int nsid = 1; !ret && nsid <= config->namespace_count; nsid++)
		ret = make_namespace(&nvmet, nsid);
	for (size_t i = 0; !ret && i < config->host_count; i++)
		ret = allow_host(&nvmet, config->hosts[i]);
	return ret ? ret : open_port(&nvmet);
}

int stoq_nvmet_stop(const struct stoq_configfs *configfs, const char *state_path,
	struct stoq_target_state *state, struct stoq_error *error)
{
	struct stoq_configfs_session session = {configfs, state_path, state, error};

	return stoq_configfs_unmake_all(&session);
}

bool stoq_nvmet_is_there(const struct stoq_target_state *state)
{
	struct stat status;

	for (size_t i = 0; i < state->made_count; i++) {
		if (lstat(state->made[i], &status))
			return false;
	}
	return state->made_count > 0;
}
