// SPDX-License-Identifier: BSD-2-Clause
#include "flow/controllers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define ATTRIBUTE_BYTES 1024

/* ---- reading ---- */

/* First line of FOLDER/NAME, without its end. 0 or a negative errno. */
static int read_attribute(const char *folder, const char *name, char text[static ATTRIBUTE_BYTES])
{
	char path[1024];
	ssize_t length;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, text, ATTRIBUTE_BYTES - 1);
	close(fd);
	if (length < 0)
		return -EIO;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

static int read_nqn(const char *folder, const char *name, char nqn[static NVME_NQN_LENGTH])
{
	char text[ATTRIBUTE_BYTES] = "";
	int result = read_attribute(folder, name, text);

	if (result)
		return result;
	if (!text[0] || strlen(text) > NVME_NQN_MAX)
		return -EINVAL;
	memset(nqn, 0, NVME_NQN_LENGTH);
	snprintf(nqn, NVME_NQN_LENGTH, "%.*s", NVME_NQN_MAX, text);
	return 0;
}

/* The value of key in "traddr=127.0.0.1,trsvcid=4420,src_addr=127.0.0.1". "" if it is not there. */
static void take_field(const char *text, const char *key, char value[static 64])
{
	size_t length = strlen(key);

	value[0] = '\0';
	for (; text && *text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
		if (strncmp(text, key, length) != 0 || text[length] != '=')
			continue;
		text += length + 1;
		snprintf(value, 64, "%.*s", (int)strcspn(text, ","), text);
		return;
	}
}

static int parse_address(struct stoq_flow_controller *controller, const char *text)
{
	char address[64] = "", port[64] = "", local[64] = "";

	take_field(text, "traddr", address);
	take_field(text, "trsvcid", port);
	take_field(text, "src_addr", local);
	if (!local[0])
		take_field(text, "host_traddr", local);
	if (stoq_flow_end_parse(&controller->remote, address, port))
		return -EINVAL;
	controller->local_known = stoq_flow_end_parse(&controller->local, local, "0") == 0;
	return 0;
}

static int add(
	struct stoq_flow_controllers *controllers, const struct stoq_flow_controller *controller)
{
	void *items = stoq_array_room(controllers->items, controllers->count,
		&controllers->capacity, sizeof(*controllers->items));

	if (!items)
		return -ENOMEM;
	controllers->items = items;
	controllers->items[controllers->count++] = *controller;
	return 0;
}

void stoq_flow_controllers_free(struct stoq_flow_controllers *controllers)
{
	free(controllers->items);
	*controllers = (struct stoq_flow_controllers){0};
}

/* Each name in a folder that begins with prefix. Stops at the first error. */
static int each(const char *folder, const char *prefix,
	int (*told)(void *context, const char *folder, const char *name), void *context)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	int result = 0;

	if (!directory)
		return 0;
	while (!result && (entry = readdir(directory)))
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			result = told(context, folder, entry->d_name);
	closedir(directory);
	return result;
}

static int take_host_controller(void *context, const char *folder, const char *name)
{
	struct stoq_flow_controller controller = {0};
	char path[512], text[ATTRIBUTE_BYTES] = "";

	snprintf(path, sizeof(path), "%.200s/%.255s", folder, name);
	if (read_attribute(path, "transport", text) || strcmp(text, "tcp") != 0 ||
		read_attribute(path, "address", text) || parse_address(&controller, text) ||
		read_nqn(path, "hostnqn", controller.host_nqn) ||
		read_nqn(path, "subsysnqn", controller.subsystem_nqn))
		return 0;
	return add(context, &controller);
}

int stoq_flow_controllers_of_host(struct stoq_flow_controllers *controllers, const char *sysfs)
{
	return each(sysfs, "nvme", take_host_controller, controllers);
}

/* One folder of DEBUGFS/SUBSYSTEM/ctrlN. */
static int take_target_controller(void *context, const char *folder, const char *name)
{
	struct stoq_flow_controller controller = {.is_target = true};
	const char *subsystem = strrchr(folder, '/');
	char path[512], text[ATTRIBUTE_BYTES] = "";

	snprintf(path, sizeof(path), "%.200s/%.255s", folder, name);
	if (!subsystem || strlen(subsystem + 1) > NVME_NQN_MAX ||
		read_attribute(path, "host_traddr", text) ||
		stoq_flow_end_parse(&controller.remote, text, "0") ||
		read_nqn(path, "hostnqn", controller.host_nqn))
		return 0;
	memcpy(controller.subsystem_nqn, subsystem + 1, strlen(subsystem + 1));
	return add(context, &controller);
}

static int take_subsystem(void *context, const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%.200s/%.255s", folder, name);
	return each(path, "ctrl", take_target_controller, context);
}

int stoq_flow_controllers_of_target(struct stoq_flow_controllers *controllers, const char *debugfs)
{
	return each(debugfs, "", take_subsystem, controllers);
}

/* ---- whose socket ---- */

bool stoq_flow_is_port(const struct stoq_flow_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i] && ports->items[i] == port)
			return true;
	return !ports->count;
}

static bool belongs(const struct stoq_flow_controller *controller,
	const struct stoq_flow_socket *socket, const struct stoq_flow_ports *ports)
{
	if (!stoq_flow_end_same_address(&controller->remote, &socket->remote))
		return false;
	if (controller->is_target)
		return stoq_flow_is_port(ports, socket->local.port);
	if (controller->remote.port != socket->remote.port)
		return false;
	return !controller->local_known ||
	       stoq_flow_end_same_address(&controller->local, &socket->local);
}

/* Different controllers may share what we can compare: no name is then better than a wrong one. */
static bool agree(struct stoq_flow_known *known, const struct stoq_flow_controller *controller)
{
	if (!known->host_nqn[0]) {
		memcpy(known->host_nqn, controller->host_nqn, sizeof(known->host_nqn));
		memcpy(known->subsystem_nqn, controller->subsystem_nqn,
			sizeof(known->subsystem_nqn));
		return true;
	}
	return strcmp(known->host_nqn, controller->host_nqn) == 0 &&
	       strcmp(known->subsystem_nqn, controller->subsystem_nqn) == 0;
}

static bool identify(const struct stoq_flow_controllers *controllers,
	const struct stoq_flow_socket *socket, const struct stoq_flow_ports *ports,
	struct stoq_flow_known *known)
{
	*known = (struct stoq_flow_known){.qid = STOQ_FLOW_QID_UNKNOWN};
	for (size_t i = 0; i < controllers->count; i++) {
		const struct stoq_flow_controller *controller = &controllers->items[i];

		if (!belongs(controller, socket, ports))
			continue;
		if (!agree(known, controller))
			return false;
		known->host = controller->is_target ? socket->remote : socket->local;
		known->controller = controller->is_target ? socket->local : socket->remote;
	}
	return known->host_nqn[0] != '\0';
}

int stoq_flow_controllers_identify(const struct stoq_flow_controllers *controllers,
	const struct stoq_flow_sockets *sockets, const struct stoq_flow_ports *ports,
	struct stoq_flow_identities *identities)
{
	struct stoq_flow_known known;
	int result = 0;

	for (size_t i = 0; !result && i < sockets->count; i++)
		if (identify(controllers, &sockets->items[i], ports, &known))
			result = stoq_flow_identities_add(identities, &known);
	return result;
}
