// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/hint.h"

#include <ifaddrs.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/sockets.h"
#include "nvme/nvme_tcp.h"
#include "tool/message.h"

static bool is_nvme_port(uint16_t port)
{
	return port == NVME_TCP_PORT || port == NVME_TCP_DISCOVERY_PORT;
}

static bool is_watched(const struct stoq_model *model, const char *interface)
{
	for (size_t i = 0; i < model->interface_count; i++)
		if (strcmp(model->interfaces[i], interface) == 0)
			return true;
	return false;
}

/* The interface that has this address; false: none has. */
static bool find_interface(
	const struct ifaddrs *all, const struct stoq_flow_end *local, char name[static IF_NAMESIZE])
{
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		struct stoq_flow_end end;

		if (stoq_flow_end_of_address(&end, one->ifa_addr) ||
			!stoq_flow_end_same_address(&end, local))
			continue;
		snprintf(name, IF_NAMESIZE, "%s", one->ifa_name);
		return true;
	}
	return false;
}

/* A connection of this machine that should be seen here, or is elsewhere. */
static void add_sockets(char *text, size_t size, const struct stoq_model *model)
{
	struct stoq_flow_sockets sockets = {0};
	struct stoq_error error;
	struct ifaddrs *all = NULL;
	size_t used = strlen(text);

	if (stoq_flow_sockets_list(&sockets, &error) || getifaddrs(&all)) {
		stoq_flow_sockets_free(&sockets);
		return;
	}
	for (size_t i = 0; i < sockets.count; i++) {
		const struct stoq_flow_socket *socket = &sockets.items[i];
		char interface[IF_NAMESIZE], ends[2][STOQ_FLOW_END_TEXT];

		if ((!is_nvme_port(socket->local.port) && !is_nvme_port(socket->remote.port)) ||
			!find_interface(all, &socket->local, interface))
			continue;
		snprintf(text + used, size - used,
			" This machine has a connection %s to %s, by the address of %s: %s.",
			stoq_flow_end_text(&socket->local, ends[0]),
			stoq_flow_end_text(&socket->remote, ends[1]), interface,
			is_watched(model, interface)
				? "it is idle, or it passes another way"
				: "watch that one, or the interface below it, with -i");
		break;
	}
	freeifaddrs(all);
	stoq_flow_sockets_free(&sockets);
}

static uint64_t count_flows(const struct stoq_model *model)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < STOQ_FLOW_STATES; i++)
		count += i == STOQ_FLOW_CLOSED ? 0 : model->flow_states[i];
	return count;
}

/* What was seen, as far as it went. */
static void describe(char *text, size_t size, const struct stoq_model *model)
{
	uint64_t packets = model->counters[STOQ_COUNT_PACKETS], flows = count_flows(model);
	bool filtered = model->filter && stoq_filter_is_given(model->filter);
	const uint64_t *states = model->flow_states;

	if (!packets)
		snprintf(text, size,
			"No packet has passed %s%s. Is it the interface of the storage traffic (ip -s link)?",
			model->interfaces[0], model->interface_count > 1 ? " and the others" : "");
	else if (!flows && filtered)
		snprintf(text, size,
			"%" PRIu64
			" packets have passed, but no connection that the filter leaves; without it, stoq watch "
			"shows what there is.",
			packets);
	else if (!flows)
		snprintf(text, size,
			"%" PRIu64
			" packets have passed, but none of NVMe/TCP. Connections to the ports %d and %d are "
			"found by these, others by their PDUs.",
			packets, NVME_TCP_PORT, NVME_TCP_DISCOVERY_PORT);
	else if (states[STOQ_FLOW_ENCRYPTED] == flows)
		snprintf(text, size,
			"%" PRIu64
			" connections, all encrypted (TLS): what is inside can only be seen by its two ends.",
			flows);
	else if (states[STOQ_FLOW_LEARNING] == flows)
		snprintf(text, size,
			"%" PRIu64
			" connections, whose PDUs are not found yet: they are idle, or one direction "
			"passes another interface.",
			flows);
	else
		snprintf(text, size, "%" PRIu64 " connections, but no command has ended%s.", flows,
			filtered ? " that the filter leaves" : ": they are idle");
}

static void make(char *text, size_t size, const struct stoq_model *model)
{
	bool filtered = model->filter && stoq_filter_is_given(model->filter);

	describe(text, size, model);
	if (count_flows(model) || filtered)
		return;
	add_sockets(text, size, model);
	if (strlen(text) < size)
		snprintf(text + strlen(text), size - strlen(text),
			" What this machine lacks for watching, stoq probe lists.");
}

void watch_hint_look(struct watch_report *report, const struct stoq_model *model)
{
	if (model->overall.total.commands) {
		report->view.hint = NULL;
		return;
	}
	if (model->elapsed_ns < WATCH_HINT_AFTER_NS ||
		(report->hint[0] && report->mode != WATCH_SCREEN))
		return;
	make(report->hint, sizeof(report->hint), model);
	if (report->mode == WATCH_SCREEN)
		report->view.hint = report->hint;
	else
		tool_notice("%s", report->hint);
}
