// SPDX-License-Identifier: BSD-2-Clause
#include "fake_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct fake_watch fake_watch;

struct stoq_watch {
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

void stoq_watch_config_init(struct stoq_watch_config *config)
{
	*config = (struct stoq_watch_config){.axis = STOQ_BY_OPCODE, .slow_ns = UINT64_MAX};
}

int stoq_watch_open(struct stoq_watch **result_out, const struct stoq_watch_config *config,
	struct stoq_error *error)
{
	struct stoq_watch *fake;

	fake_watch.config = *config;
	snprintf(fake_watch.first_interface, sizeof(fake_watch.first_interface), "%s",
		config->interfaces[0]);
	if (fake_watch.open_error)
		return stoq_error_set(error, fake_watch.open_error, "CAP_BPF is missing");
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
	fake->event_fd = eventfd(fake_watch.events ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake->start_ns = fake->last_ns = now_ns();
	fake_watch.opened++;
	*result_out = fake;
	return 0;
}

void stoq_watch_close(struct stoq_watch *watch)
{
	if (!watch)
		return;
	fake_watch.closed++;
	close(watch->event_fd);
	free(watch);
}

int stoq_watch_drop_privileges(struct stoq_watch *watch, struct stoq_error *error)
{
	(void)watch, (void)error;
	fake_watch.dropped++;
	return 0;
}

int stoq_watch_update(
	struct stoq_watch *watch, const struct stoq_model **model, struct stoq_error *error)
{
	struct stoq_group *group = &watch->group;
	uint64_t now = now_ns();

	fake_watch.updates++;
	if (fake_watch.update_error)
		return stoq_error_set(error, fake_watch.update_error, "the maps are gone");
	watch->model.interval_ns = now - watch->last_ns;
	watch->model.elapsed_ns = now - watch->start_ns;
	watch->last_ns = now;
	group->interval.commands = fake_watch.step;
	group->total.commands += fake_watch.step;
	watch->model.overall = *group;
	*model = &watch->model;
	return 0;
}

int stoq_watch_set_axis(struct stoq_watch *watch, enum stoq_axis axis)
{
	watch->model.axis = axis;
	return 0;
}

int stoq_watch_set_whole(struct stoq_watch *watch, bool whole)
{
	watch->model.whole = whole;
	return 0;
}

int stoq_watch_event_fd(const struct stoq_watch *watch)
{
	return watch->event_fd;
}

int stoq_watch_dispatch(struct stoq_watch *watch, const struct stoq_event_handlers *handlers)
{
	const struct stoq_event_command event = {.opcode = NVME_NVM_READ, .kind = NVME_QUEUE_IO};
	const struct stoq_identity nobody = {.cntlid = -1, .qid = -1};
	int delivered = fake_watch.events;
	eventfd_t ignored;

	eventfd_read(watch->event_fd, &ignored);
	for (; fake_watch.events; fake_watch.events--)
		handlers->command(handlers->context, &event, &nobody);
	return delivered;
}

void stoq_watch_use_totals(struct stoq_watch *watch, struct stoq_totals *totals)
{
	(void)watch;
	(void)totals;
}

void stoq_watch_set_identities(struct stoq_watch *watch, struct stoq_flow_identities *identities)
{
	(void)watch;
	(void)identities;
}
