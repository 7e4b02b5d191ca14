// SPDX-License-Identifier: BSD-2-Clause
#include "fake_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct fake_inspect fake_inspect;

struct stoq_inspect {
	struct stoq_model model;
	struct stoq_group group;
	char interfaces[1][IF_NAMESIZE];
	int event_fd;
	uint64_t start_ns, last_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void stoq_inspect_config_init(struct stoq_inspect_config *config)
{
	*config = (struct stoq_inspect_config){.axis = STOQ_BY_OPCODE, .slow_ns = UINT64_MAX};
}

int stoq_inspect_open(struct stoq_inspect **result_out, const struct stoq_inspect_config *config,
	struct stoq_error *error)
{
	struct stoq_inspect *fake;

	fake_inspect.config = *config;
	snprintf(fake_inspect.first_interface, sizeof(fake_inspect.first_interface), "%s",
		config->interfaces[0]);
	if (fake_inspect.open_error)
		return stoq_error_set(error, fake_inspect.open_error, "CAP_BPF is missing");
	fake = calloc(1, sizeof(*fake));
	if (!fake)
		return stoq_error_set(error, -ENOMEM, "no memory");
	snprintf(fake->interfaces[0], IF_NAMESIZE, "%.15s", config->interfaces[0]);
	fake->group.identity.opcode = NVME_NVM_READ;
	fake->group.identity.kind = NVME_QUEUE_IO;
	fake->model.axis = config->axis;
	fake->model.groups = &fake->group;
	fake->model.group_count = 1;
	fake->model.interfaces = (const char(*)[IF_NAMESIZE])fake->interfaces;
	fake->model.interface_count = 1;
	fake->model.attachment = "fake";
	fake->event_fd = eventfd(fake_inspect.events ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake->start_ns = fake->last_ns = now_ns();
	fake_inspect.opened++;
	*result_out = fake;
	return 0;
}

void stoq_inspect_close(struct stoq_inspect *inspect)
{
	if (!inspect)
		return;
	fake_inspect.closed++;
	close(inspect->event_fd);
	free(inspect);
}

int stoq_inspect_drop_privileges(struct stoq_inspect *inspect, struct stoq_error *error)
{
	(void)inspect, (void)error;
	fake_inspect.dropped++;
	return 0;
}

int stoq_inspect_update(
	struct stoq_inspect *inspect, const struct stoq_model **model, struct stoq_error *error)
{
	struct stoq_group *group = &inspect->group;
	uint64_t now = now_ns();

	fake_inspect.updates++;
	if (fake_inspect.update_error)
		return stoq_error_set(error, fake_inspect.update_error, "the maps are gone");
	inspect->model.interval_ns = now - inspect->last_ns;
	inspect->model.elapsed_ns = now - inspect->start_ns;
	inspect->last_ns = now;
	group->interval.commands = fake_inspect.step;
	group->total.commands += fake_inspect.step;
	inspect->model.overall = *group;
	*model = &inspect->model;
	return 0;
}

int stoq_inspect_set_axis(struct stoq_inspect *inspect, enum stoq_axis axis)
{
	inspect->model.axis = axis;
	return 0;
}

int stoq_inspect_event_fd(const struct stoq_inspect *inspect)
{
	return inspect->event_fd;
}

int stoq_inspect_dispatch(struct stoq_inspect *inspect, const struct stoq_event_handlers *handlers)
{
	const struct stoq_event_command event = {.opcode = NVME_NVM_READ, .kind = NVME_QUEUE_IO};
	const struct stoq_identity nobody = {.cntlid = -1, .qid = -1};
	int delivered = fake_inspect.events;
	eventfd_t ignored;

	eventfd_read(inspect->event_fd, &ignored);
	for (; fake_inspect.events; fake_inspect.events--)
		handlers->command(handlers->context, &event, &nobody);
	return delivered;
}

void stoq_inspect_know(struct stoq_inspect *inspect, struct stoq_flow_identities *identities)
{
	(void)inspect;
	(void)identities;
}
