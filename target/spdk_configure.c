// SPDX-License-Identifier: BSD-2-Clause
#include "target/spdk_configure.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "target/clock.h"
#include "target/log.h"

#define BDEV_NAME_MAX 96

/* NVMe statuses of a worn medium: type 2h, media and data integrity errors. */
#define MEDIA_ERROR_TYPE       0x02
#define WRITE_FAULT	       0x80
#define UNRECOVERED_READ_ERROR 0x81

struct session {
	struct stoq_jsonrpc *rpc;
	const struct stoq_target_config *config;
	const char *log;
	uint64_t deadline_ns;
	struct stoq_error *error;
};

/* One RPC; when SPDK refuses, the reason is often only in its log. */
static int call(struct session *session, const char *method, struct json_object *params,
	struct json_object **result)
{
	unsigned int left_ms = (unsigned int)stoq_clock_left_ms(session->deadline_ns);
	uint64_t position = stoq_log_position(session->log);
	struct stoq_error error;
	char quote[400];
	int ret = stoq_jsonrpc_call(session->rpc, method, params, left_ms, result, &error);

	if (!ret)
		return 0;
	stoq_log_quote(session->log, position, quote, sizeof(quote));
	return stoq_error_set(session->error, ret, "SPDK: %.300s%s%s", error.text,
		quote[0] ? ". Its log: " : "", quote);
}

static int read_version(struct session *session, struct stoq_target_state *state)
{
	struct json_object *result = NULL, *version = NULL;
	int ret = call(session, "spdk_get_version", NULL, &result);

	if (ret)
		return ret;
	json_object_object_get_ex(result, "version", &version);
	if (json_object_is_type(version, json_type_string)) {
		const char *text = json_object_get_string(version);
		const char *commit = strstr(text, " git ");

		snprintf(state->software, sizeof(state->software), "%.*s",
			(int)(commit ? commit - text : (ptrdiff_t)strlen(text)), text);
	}
	json_object_put(result);
	return 0;
}

/* ---- block devices: a medium, a delay in front of it, faults in front of that ---- */

static int create_memory(
	struct session *session, const struct stoq_target_namespace *namespace, const char *name)
{
	struct json_object *params = json_object_new_object();

	stoq_json_put_string(params, "name", name);
	stoq_json_put_u64(params, "block_size", namespace->block_bytes);
	stoq_json_put_u64(params, "num_blocks", namespace->size_bytes / namespace->block_bytes);
	return call(session,
		namespace->medium == STOQ_MEDIUM_MALLOC ? "bdev_malloc_create" : "bdev_null_create",
		params, NULL);
}

static int create_aio(struct session *session, const char *path, const char *name)
{
	struct json_object *params = json_object_new_object();
	struct stat status;

	stoq_json_put_string(params, "name", name);
	stoq_json_put_string(params, "filename", path);
	/* A block device knows its block size, a file has none. */
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		stoq_json_put_u64(params, "block_size", 512);
	return call(session, "bdev_aio_create", params, NULL);
}

/* The controller's first namespace becomes the block device; its name goes to name. */
static int attach_nvme(struct session *session, const char *address, char *name)
{
	struct json_object *params = json_object_new_object(), *result = NULL, *first = NULL;
	struct stoq_error reason;
	int ret;

	stoq_json_put_string(params, "name", name);
	stoq_json_put_string(params, "trtype", "PCIe");
	stoq_json_put_string(params, "traddr", address);
	ret = call(session, "bdev_nvme_attach_controller", params, &result);
	if (ret == -EREMOTEIO) {
		reason = *session->error;
		return stoq_error_set(session->error, ret,
			"SPDK cannot drive the NVMe device %s: bind it to vfio-pci or "
			"uio_pci_generic first (SPDK's scripts/setup.sh does). %.400s",
			address, reason.text);
	}
	if (ret)
		return ret;
	if (json_object_is_type(result, json_type_array))
		first = json_object_array_get_idx(result, 0);
	if (json_object_is_type(first, json_type_string))
		snprintf(name, BDEV_NAME_MAX, "%s", json_object_get_string(first));
	else
		ret = stoq_error_set(session->error, -ENODEV,
			"the NVMe controller %s has no namespace", address);
	json_object_put(result);
	return ret;
}

static int create_medium(
	struct session *session, const struct stoq_target_namespace *namespace, char *name)
{
	switch (namespace->medium) {
	case STOQ_MEDIUM_MALLOC:
	case STOQ_MEDIUM_NULL:
		return create_memory(session, namespace, name);
	case STOQ_MEDIUM_NVME:
		return attach_nvme(session, namespace->location, name);
	case STOQ_MEDIUM_PATH:
		break;
	}
	return create_aio(session, namespace->location, name);
}

static int put_delay_in_front(struct session *session, unsigned int nsid, char *name)
{
	const struct stoq_target_latency *read = &session->config->read_latency;
	const struct stoq_target_latency *write = &session->config->write_latency;
	struct json_object *params;
	char delayed[BDEV_NAME_MAX];

	if (!read->average_us && !write->average_us)
		return 0;
	params = json_object_new_object();
	snprintf(delayed, sizeof(delayed), "delay%u", nsid);
	stoq_json_put_string(params, "name", delayed);
	stoq_json_put_string(params, "base_bdev_name", name);
	stoq_json_put_u64(params, "avg_read_latency", read->average_us);
	stoq_json_put_u64(params, "p99_read_latency", read->p99_us);
	stoq_json_put_u64(params, "avg_write_latency", write->average_us);
	stoq_json_put_u64(params, "p99_write_latency", write->p99_us);
	memcpy(name, delayed, sizeof(delayed));
	return call(session, "bdev_delay_create", params, NULL);
}

/* The next count commands end as they do on a worn medium. */
static int inject(struct session *session, const char *name, const char *io_type, uint8_t code,
	uint32_t count)
{
	struct json_object *params;

	if (!count)
		return 0;
	params = json_object_new_object();
	stoq_json_put_string(params, "name", name);
	stoq_json_put_string(params, "io_type", io_type);
	stoq_json_put_string(params, "error_type", "nvme_failure");
	stoq_json_put_u64(params, "nvme_sct", MEDIA_ERROR_TYPE);
	stoq_json_put_u64(params, "nvme_sc", code);
	stoq_json_put_u64(params, "num", count);
	return call(session, "bdev_error_inject_error", params, NULL);
}

static int put_faults_in_front(struct session *session, char *name)
{
	const struct stoq_target_config *config = session->config;
	struct json_object *params;
	char base[BDEV_NAME_MAX];
	int ret;

	if (!config->fail_reads && !config->fail_writes)
		return 0;
	params = json_object_new_object();
	stoq_json_put_string(params, "base_name", name);
	ret = call(session, "bdev_error_create", params, NULL);
	/* SPDK chooses the name. */
	memcpy(base, name, sizeof(base));
	snprintf(name, BDEV_NAME_MAX, "EE_%.*s", BDEV_NAME_MAX - 4, base);
	if (!ret)
		ret = inject(session, name, "read", UNRECOVERED_READ_ERROR, config->fail_reads);
	if (!ret)
		ret = inject(session, name, "write", WRITE_FAULT, config->fail_writes);
	return ret;
}

/* ---- the subsystem ---- */

static int add_namespace(struct session *session, unsigned int nsid)
{
	struct json_object *params, *entry;
	char name[BDEV_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "medium%u", nsid);
	ret = create_medium(session, &session->config->namespaces[nsid - 1], name);
	if (!ret)
		ret = put_delay_in_front(session, nsid, name);
	if (!ret)
		ret = put_faults_in_front(session, name);
	if (ret)
		return ret;
	params = json_object_new_object();
	entry = json_object_new_object();
	stoq_json_put_u64(entry, "nsid", nsid);
	stoq_json_put_string(entry, "bdev_name", name);
	stoq_json_put_string(params, "nqn", session->config->nqn);
	json_object_object_add(params, "namespace", entry);
	return call(session, "nvmf_subsystem_add_ns", params, NULL);
}

static int create_subsystem(struct session *session)
{
	const struct stoq_target_config *config = session->config;
	struct json_object *params = json_object_new_object();
	char serial[21]; /* 20 bytes on the wire */

	snprintf(serial, sizeof(serial), "STOQ-%.15s", config->name);
	stoq_json_put_string(params, "nqn", config->nqn);
	stoq_json_put_string(params, "serial_number", serial);
	stoq_json_put_string(params, "model_number", "STOQ SPDK target");
	stoq_json_put_u64(params, "max_namespaces", STOQ_TARGET_NAMESPACES_MAX);
	stoq_json_put_bool(params, "allow_any_host", config->any_host);
	return call(session, "nvmf_create_subsystem", params, NULL);
}

static int add_host(struct session *session, const char *host)
{
	struct json_object *params = json_object_new_object();

	stoq_json_put_string(params, "nqn", session->config->nqn);
	stoq_json_put_string(params, "host", host);
	return call(session, "nvmf_subsystem_add_host", params, NULL);
}

static int create_transport(struct session *session)
{
	struct json_object *params = json_object_new_object();

	stoq_json_put_string(params, "trtype", "TCP");
	return call(session, "nvmf_create_transport", params, NULL);
}

static int add_listener(struct session *session)
{
	const char *address = session->config->address;
	struct json_object *params = json_object_new_object();
	struct json_object *listen = json_object_new_object();
	char port[8];

	snprintf(port, sizeof(port), "%u", session->config->port);
	stoq_json_put_string(listen, "trtype", "TCP");
	stoq_json_put_string(listen, "adrfam", strchr(address, ':') ? "IPv6" : "IPv4");
	stoq_json_put_string(listen, "traddr", address);
	stoq_json_put_string(listen, "trsvcid", port);
	stoq_json_put_string(params, "nqn", session->config->nqn);
	json_object_object_add(params, "listen_address", listen);
	return call(session, "nvmf_subsystem_add_listener", params, NULL);
}

int stoq_spdk_configure(struct stoq_jsonrpc *rpc, const struct stoq_target_config *config,
	const struct stoq_target_paths *paths, uint64_t deadline_ns,
	struct stoq_target_state *state, struct stoq_error *error)
{
	struct session session = {rpc, config, paths->log, deadline_ns, error};
	int ret = call(&session, "framework_wait_init", NULL, NULL);

	if (!ret)
		ret = read_version(&session, state);
	if (!ret)
		ret = create_transport(&session);
	if (!ret)
		ret = create_subsystem(&session);
	for (unsigned int nsid = 1; !ret && nsid <= config->namespace_count; nsid++)
		ret = add_namespace(&session, nsid);
	for (size_t i = 0; !ret && i < config->host_count; i++)
		ret = add_host(&session, config->hosts[i]);
	return ret ? ret : add_listener(&session);
}
