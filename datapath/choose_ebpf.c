// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/af_xdp.h"
#include "datapath/choose_private.h"
#include "xdp/filter.h"

static int find_interface(const struct stoq_datapath_wish *wish,
	struct stoq_datapath_choice *choice, const struct stoq_address *local,
	struct stoq_error *error)
{
	const struct stoq_address *by = local;

	if (wish->interface[0]) {
		memcpy(choice->interface, wish->interface, IF_NAMESIZE);
		return 0;
	}
	if (stoq_address_is_wildcard(local) && wish->towards.length)
		by = &wish->towards;
	return stoq_af_xdp_interface(by, choice->interface, error);
}

int choose_filter(const struct stoq_datapath_wish *wish, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	struct stoq_xdp_filter_config config;
	struct stoq_datapath_info info;
	uint16_t port;
	int code;

	stoq_datapath_info(choice->datapaths[0], &info);
	port = stoq_address_port(&info.local);
	code = find_interface(wish, choice, &info.local, error);
	if (code)
		return code;
	stoq_xdp_filter_config_init(&config);
	config.interface = choice->interface;
	config.ports = &port;
	config.port_count = 1;
	config.refuse_connections = wish->refuse_connections;
	config.cid_key = wish->cid_key;
	if (wish->idle_timeout_ns)
		config.idle_timeout_ns = wish->idle_timeout_ns;
	if (wish->handshake_timeout_ns)
		config.handshake_timeout_ns = wish->handshake_timeout_ns;
	code = stoq_xdp_filter_open(&config, &choice->filter, error);
	if (code)
		choice->interface[0] = '\0';
	return code;
}

/*
 * Generic XDP runs behind GRO, which joins datagrams into frames that are larger than any frame
 * of ours: AF_XDP wants the driver's own.
 */
static int check_native(const struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	if (stoq_xdp_filter_mode(choice->filter) == STOQ_XDP_NATIVE)
		return 0;
	return stoq_error_set(error, -ENOTSUP,
		"AF_XDP needs XDP in the driver, and that of %s has none", choice->interface);
}

static void explain(const struct stoq_datapath_wish *wish, struct stoq_datapath_choice *choice)
{
	struct stoq_af_xdp_counters counters;

	stoq_af_xdp_counters(choice->datapaths[0], &counters);
	snprintf(choice->reason, sizeof(choice->reason), "AF_XDP on %s%s: %s", choice->interface,
		wish->kind == STOQ_DATAPATH_AF_XDP ? ", as asked for" : "",
		counters.queues[0].zero_copy ? "its driver has zero-copy"
		: counters.reason[0]	     ? counters.reason
					     : "copying");
}

/* Before the first of them takes packets away from the sockets, all are open. */
int choose_af_xdp(const struct stoq_datapath_wish *wish, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	struct stoq_xdp_maps *maps = stoq_xdp_filter_maps(choice->filter);
	struct stoq_af_xdp_config config = {
		.xsks_fd = maps->fd[STOQ_XDP_MAP_XSKS],
		.mode = wish->copy_only ? STOQ_XSK_COPY
			: wish->zero_copy_only || wish->kind == STOQ_DATAPATH_AUTO
				? STOQ_XSK_ZEROCOPY
				: STOQ_XSK_AUTO,
		.frame_count = wish->frame_count,
		.busy_poll_us = wish->udp.busy_poll_us,
		.worker_count = choice->count,
	};
	int code = check_native(choice, error);
	unsigned int opened = 0;

	memcpy(config.interface, choice->interface, IF_NAMESIZE);
	while (!code && opened < choice->count) {
		config.worker = opened;
		code = stoq_af_xdp_open(
			&config, choice->datapaths[opened], &choice->datapaths[opened], error);
		opened += !code;
	}
	if (code) {
		while (opened--)
			choice->datapaths[opened] = stoq_af_xdp_unwrap(choice->datapaths[opened]);
		return code;
	}
	stoq_xdp_set_flags(maps, STOQ_XDP_REDIRECT, true);
	choice->kind = STOQ_DATAPATH_AF_XDP;
	explain(wish, choice);
	return 0;
}

void choose_filter_close(struct stoq_xdp_filter *filter)
{
	stoq_xdp_filter_close(filter);
}
