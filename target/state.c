// SPDX-License-Identifier: BSD-2-Clause
#include "target/state.h"

#include <errno.h>
#include <fcntl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"

#define STATE_FILE_MAX (256u << 10)

/* What a socket's path may have, with the zero behind it. */
#define SOCKET_PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)
#define FOLDER_PREFIX	  "/target-"
#define SOCKET_NAME	  "/rpc.sock"

int stoq_target_check_run_base(const char *run_base, struct stoq_error *error)
{
	const size_t room = SOCKET_PATH_BYTES - sizeof(FOLDER_PREFIX "x" SOCKET_NAME);

	if (run_base[0] != '/')
		return stoq_error_set(error, -EINVAL,
			"the run folder '%.100s' is no absolute path: begin it with /, as in "
			"\"$PWD/%.100s\"",
			run_base, run_base);
	if (strlen(run_base) > room)
		return stoq_error_set(error, -EINVAL,
			"the run folder '%.100s' has %zu characters: sockets lie in it, and a "
			"socket's path leaves room for %zu",
			run_base, strlen(run_base), room);
	return 0;
}

int stoq_target_paths_set(struct stoq_target_paths *paths, const char *run_base, const char *name,
	struct stoq_error *error)
{
	int length, ret = stoq_target_check_run_base(run_base, error);

	if (ret)
		return ret;
	length = snprintf(
		paths->folder, sizeof(paths->folder), "%s" FOLDER_PREFIX "%s", run_base, name);
	if (length < 0 || (size_t)length + sizeof(SOCKET_NAME) > SOCKET_PATH_BYTES)
		return stoq_error_set(error, -EINVAL,
			"the run folder %.100s leaves no room for the name '%.60s': the path of a "
			"socket has %zu characters at most",
			run_base, name, SOCKET_PATH_BYTES - 1);
	snprintf(paths->state, sizeof(paths->state), "%s/state.json", paths->folder);
	snprintf(paths->socket, sizeof(paths->socket), "%s" SOCKET_NAME, paths->folder);
	snprintf(paths->log, sizeof(paths->log), "%s/nvmf_tgt.log", paths->folder);
	return 0;
}

static void read_boot_id(char *text, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	text[0] = '\0';
	if (!file)
		return;
	if (fgets(text, (int)size, file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

void stoq_target_state_init(
	struct stoq_target_state *state, const struct stoq_target_config *config)
{
	*state = (struct stoq_target_state){
		.kind = config->kind,
		.phase = STOQ_TARGET_STARTING,
		.port = config->port,
		.namespace_count = config->namespace_count,
	};
	snprintf(state->name, sizeof(state->name), "%s", config->name);
	snprintf(state->nqn, sizeof(state->nqn), "%s", config->nqn);
	snprintf(state->address, sizeof(state->address), "%s", config->address);
	read_boot_id(state->boot_id, sizeof(state->boot_id));
	for (size_t i = 0; i < config->namespace_count; i++)
		state->namespaces[i] = config->namespaces[i];
}

void stoq_target_state_free(struct stoq_target_state *state)
{
	while (state->made_count)
		stoq_target_state_drop_made(state);
}

bool stoq_target_state_is_of_this_boot(const struct stoq_target_state *state)
{
	char now[sizeof(state->boot_id)];

	read_boot_id(now, sizeof(now));
	return strcmp(now, state->boot_id) == 0;
}

int stoq_target_state_add_made(struct stoq_target_state *state, const char *path)
{
	char *copy;

	if (state->made_count == STOQ_TARGET_MADE_MAX)
		return -ENOSPC;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	state->made[state->made_count++] = copy;
	return 0;
}

void stoq_target_state_drop_made(struct stoq_target_state *state)
{
	free(state->made[--state->made_count]);
	state->made[state->made_count] = NULL;
}

const char *stoq_target_kind_name(enum stoq_target_kind kind)
{
	return kind == STOQ_TARGET_SPDK ? "spdk" : "kernel";
}

/* ---- writing ---- */

static struct json_object *state_to_json(const struct stoq_target_state *state)
{
	struct json_object *object = json_object_new_object();
	struct json_object *namespaces = json_object_new_array();
	struct json_object *made = json_object_new_array();

	stoq_json_put_string(object, "kind", stoq_target_kind_name(state->kind));
	stoq_json_put_string(
		object, "phase", state->phase == STOQ_TARGET_RUNNING ? "running" : "starting");
	stoq_json_put_string(object, "name", state->name);
	stoq_json_put_string(object, "nqn", state->nqn);
	stoq_json_put_string(object, "address", state->address);
	stoq_json_put_u64(object, "port", state->port);
	stoq_json_put_string(object, "boot_id", state->boot_id);
	stoq_json_put_string(object, "software", state->software);
	stoq_json_put_u64(object, "pid", (uint64_t)state->process.pid);
	stoq_json_put_u64(object, "start_time", state->process.start_time);
	for (size_t i = 0; i < state->namespace_count; i++) {
		char text[STOQ_TARGET_PATH_MAX + 16];

		stoq_target_describe_namespace(&state->namespaces[i], text, sizeof(text));
		json_object_array_add(namespaces, json_object_new_string(text));
	}
	for (size_t i = 0; i < state->made_count; i++)
		json_object_array_add(made, json_object_new_string(state->made[i]));
	json_object_object_add(object, "namespaces", namespaces);
	json_object_object_add(object, "made", made);
	return object;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length = strlen(text);
	int ret = 0;

	if (fd < 0)
		return -errno;
	while (length && !ret) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			ret = -errno;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

int stoq_target_state_save(
	const struct stoq_target_state *state, const char *path, struct stoq_error *error)
{
	struct json_object *object = state_to_json(state);
	char draft[STOQ_TARGET_PATH_MAX + 32];
	int ret;

	snprintf(draft, sizeof(draft), "%s.new", path);
	ret = write_file(draft, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
	if (!ret && rename(draft, path))
		ret = -errno;
	return ret ? stoq_error_set(error, ret, "cannot write %s: %s", path, strerror(-ret)) : 0;
}

/* ---- reading ---- */

static bool get_text(const struct json_object *object, const char *key, char *out, size_t size)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string) ||
		(size_t)json_object_get_string_len(value) >= size)
		return false;
	snprintf(out, size, "%s", json_object_get_string(value));
	return true;
}

static bool get_number(
	const struct json_object *object, const char *key, uint64_t max, uint64_t *out)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*out = json_object_get_uint64(value);
	return *out <= max;
}

static bool get_array(
	const struct json_object *object, const char *key, size_t max, struct json_object **out)
{
	return json_object_object_get_ex(object, key, out) &&
	       json_object_is_type(*out, json_type_array) && json_object_array_length(*out) <= max;
}

static bool read_lists(struct stoq_target_state *state, const struct json_object *object)
{
	struct json_object *namespaces, *made;

	if (!get_array(object, "namespaces", STOQ_TARGET_NAMESPACES_MAX, &namespaces) ||
		!get_array(object, "made", STOQ_TARGET_MADE_MAX, &made))
		return false;
	for (size_t i = 0; i < json_object_array_length(namespaces); i++) {
		struct json_object *text = json_object_array_get_idx(namespaces, i);

		if (!json_object_is_type(text, json_type_string) ||
			stoq_target_parse_namespace(&state->namespaces[state->namespace_count++],
				json_object_get_string(text), NULL))
			return false;
	}
	for (size_t i = 0; i < json_object_array_length(made); i++) {
		struct json_object *path = json_object_array_get_idx(made, i);

		if (!json_object_is_type(path, json_type_string) ||
			stoq_target_state_add_made(state, json_object_get_string(path)))
			return false;
	}
	return true;
}

static bool state_from_json(struct stoq_target_state *state, const struct json_object *object)
{
	char kind[16], phase[16];
	uint64_t port, pid;

	if (!get_text(object, "kind", kind, sizeof(kind)) ||
		!get_text(object, "phase", phase, sizeof(phase)) ||
		!get_text(object, "name", state->name, sizeof(state->name)) ||
		!get_text(object, "nqn", state->nqn, sizeof(state->nqn)) ||
		!get_text(object, "address", state->address, sizeof(state->address)) ||
		!get_text(object, "boot_id", state->boot_id, sizeof(state->boot_id)) ||
		!get_text(object, "software", state->software, sizeof(state->software)) ||
		!get_number(object, "port", UINT16_MAX, &port) ||
		!get_number(object, "pid", INT32_MAX, &pid) ||
		!get_number(object, "start_time", UINT64_MAX, &state->process.start_time))
		return false;
	if (strcmp(kind, "spdk") != 0 && strcmp(kind, "kernel") != 0)
		return false;
	state->kind = strcmp(kind, "spdk") == 0 ? STOQ_TARGET_SPDK : STOQ_TARGET_KERNEL;
	state->phase = strcmp(phase, "running") == 0 ? STOQ_TARGET_RUNNING : STOQ_TARGET_STARTING;
	state->port = (uint16_t)port;
	state->process.pid = (pid_t)pid;
	return read_lists(state, object);
}

/* The whole file as a string of at most STATE_FILE_MAX bytes; NULL with errno set. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = fd < 0 ? NULL : calloc(1, STATE_FILE_MAX);
	size_t total = 0;
	ssize_t length = 1;

	while (text && length > 0 && total < STATE_FILE_MAX - 1) {
		length = read(fd, text + total, STATE_FILE_MAX - 1 - total);
		total += length > 0 ? (size_t)length : 0;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

int stoq_target_state_load(
	struct stoq_target_state *state, const char *path, struct stoq_error *error)
{
	struct json_object *object;
	char *text = read_file(path);
	bool right;

	if (!text)
		return stoq_error_set(error, -errno, "cannot read %s: %s", path, strerror(errno));
	*state = (struct stoq_target_state){0};
	object = json_tokener_parse(text);
	free(text);
	right = json_object_is_type(object, json_type_object) && state_from_json(state, object);
	json_object_put(object);
	if (right)
		return 0;
	stoq_target_state_free(state);
	return stoq_error_set(error, -EPROTO,
		"%s is not a state file of this version; if no target of ours runs, remove its "
		"folder",
		path);
}
