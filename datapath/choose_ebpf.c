// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/af_xdp.h"
#include "datapath/choose_private.h"
#include "probe/netdev.h"
#include "xdp/filter.h"
#include "xdp/names.h"
#include "xdp/settings.h"
#include "xdp/status.h"

static int find_interface(const struct stoq_datapath_request *request,
	struct stoq_datapath_choice *choice, const struct stoq_address *local,
	struct stoq_error *error)
{
	const struct stoq_address *by = local;

	if (request->interface[0]) {
		memcpy(choice->interface, request->interface, IF_NAMESIZE);
		return 0;
	}
	if (stoq_address_is_wildcard(local) && request->towards.length)
		by = &request->towards;
	return stoq_af_xdp_interface(by, choice->interface, error);
}

/*
 * A filter that is there for AF_XDP alone is not put onto an interface whose driver says it cannot
 * be: attaching disturbs what runs there.
 */
static int check_features(const struct stoq_datapath_request *request,
	const struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	bool zero_copy = request->kind == STOQ_DATAPATH_AUTO || request->zero_copy_only;
	struct stoq_netdev netdev;
	int code = 0;

	if (!request->filter || request->kind == STOQ_DATAPATH_AF_XDP)
		code = stoq_af_xdp_check_interface(choice->interface, error);
	if (code || request->filter ||
		stoq_netdev_ask((int)if_nametoindex(choice->interface), &netdev))
		return code;
	if (!(netdev.xdp_features & STOQ_NETDEV_XDP_REDIRECT))
		return stoq_error_set(error, -ENOTSUP,
			"no AF_XDP: the driver of %s offers no native XDP, at least not with its "
			"queues and offloads as they are",
			choice->interface);
	if (zero_copy && !(netdev.xdp_features & STOQ_NETDEV_XDP_ZERO_COPY))
		return stoq_error_set(error, -ENOTSUP,
			"no AF_XDP: the driver of %s has no zero-copy", choice->interface);
	return 0;
}

static bool has_zero_copy(const char *interface)
{
	struct stoq_netdev netdev;

	return stoq_netdev_ask((int)if_nametoindex(interface), &netdev) == 0 &&
	       netdev.xdp_features & STOQ_NETDEV_XDP_ZERO_COPY;
}

/*
 * AF_XDP needs the driver's own XDP. Generic XDP is of no use: behind it are super-packets that
 * it would have to take apart.
 */
static enum stoq_xdp_mode choose_mode(
	const struct stoq_datapath_request *request, const struct stoq_datapath_choice *choice)
{
	if (!request->filter || request->kind == STOQ_DATAPATH_AF_XDP ||
		request->filter_place == STOQ_FILTER_XDP)
		return STOQ_XDP_NATIVE;
	if (request->filter_place == STOQ_FILTER_TC)
		return STOQ_XDP_TC;
	return request->kind == STOQ_DATAPATH_AUTO && has_zero_copy(choice->interface)
		       ? STOQ_XDP_NATIVE
		       : STOQ_XDP_AUTO;
}

/* A socket bound to one address leaves the others, with the same port, to other sockets. */
static void set_address(struct stoq_xdp_filter_config *config, const struct stoq_address *local)
{
	struct stoq_address mapped = *local;

	config->one_address = !stoq_address_is_wildcard(local);
	stoq_address_map(&mapped);
	memcpy(config->local, &mapped.in6.sin6_addr, sizeof(config->local));
}

int choose_filter(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	struct stoq_xdp_filter_config config;
	struct stoq_datapath_info info;
	uint16_t port;
	int code;

	stoq_datapath_info(choice->datapaths[0], &info);
	port = stoq_address_port(&info.local);
	code = find_interface(request, choice, &info.local, error);
	if (!code)
		code = check_features(request, choice, error);
	if (code) {
		choice->interface[0] = '\0';
		return code;
	}
	stoq_xdp_filter_config_init(&config);
	config.interface = choice->interface;
	config.ports = &port;
	config.port_count = 1;
	set_address(&config, &info.local);
	config.mode = choose_mode(request, choice);
	config.refuse_connections = request->refuse_connections;
	for (int kind = 0; kind < STOQ_XDP_LIMITS && !request->filter; kind++)
		config.limits[kind].per_second = 0;
	if (request->idle_timeout_ns)
		config.idle_timeout_ns = request->idle_timeout_ns;
	if (request->handshake_timeout_ns)
		config.handshake_timeout_ns = request->handshake_timeout_ns;
	code = stoq_xdp_filter_open(&config, &choice->filter, error);
	if (code)
		choice->interface[0] = '\0';
	return code;
}

static int check_native(const struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	enum stoq_xdp_mode mode = stoq_xdp_filter_mode(choice->filter);
	const char *why = stoq_xdp_filter_why(choice->filter);

	if (mode == STOQ_XDP_NATIVE)
		return 0;
	return stoq_error_set(error, -ENOTSUP, "no AF_XDP: the filter of %s is at %s: %s",
		choice->interface, stoq_xdp_mode_text(mode), why[0] ? why : "as asked for");
}

static void explain(
	const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice)
{
	struct stoq_af_xdp_counters counters;

	stoq_af_xdp_counters(choice->datapaths[0], &counters);
	snprintf(choice->reason, sizeof(choice->reason), "AF_XDP on %s%s: %s%s", choice->interface,
		request->kind == STOQ_DATAPATH_AF_XDP ? ", as asked for" : "",
		counters.queues[0].zero_copy ? "its driver has zero-copy"
		: counters.reason[0]	     ? counters.reason
					     : "copying",
		counters.queues[0].parts_max > 1 ? "; a packet of its MTU takes several frames"
						 : "");
}

/* Packets in several buffers go to sockets only that can take them. */
static uint32_t fragments_flag(const struct stoq_datapath_choice *choice)
{
	struct stoq_af_xdp_counters counters;

	stoq_af_xdp_counters(choice->datapaths[0], &counters);
	return counters.queues[0].parts_max > 1 ? STOQ_XDP_REDIRECT_FRAGMENTS : 0;
}

/* Before the first of them takes packets away from the sockets, all are open. */
int choose_af_xdp(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	struct stoq_xdp_maps *maps = stoq_xdp_filter_maps(choice->filter);
	struct stoq_af_xdp_config config = {
		.xsks_fd = maps->fd[STOQ_XDP_MAP_XSKS],
		.mode = request->copy_only ? STOQ_XSK_COPY
			: request->zero_copy_only || request->kind == STOQ_DATAPATH_AUTO
				? STOQ_XSK_ZEROCOPY
				: STOQ_XSK_AUTO,
		.frame_count = request->frame_count,
		.busy_poll_us = request->udp.busy_poll_us,
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
	stoq_xdp_set_flags(maps, STOQ_XDP_REDIRECT | fragments_flag(choice), true);
	choice->kind = STOQ_DATAPATH_AF_XDP;
	explain(request, choice);
	return 0;
}

void choose_filter_close(struct stoq_xdp_filter *filter)
{
	stoq_xdp_filter_close(filter);
}

/* The key is there before the flag that makes the program use it. */
void choose_seal(struct stoq_xdp_filter *filter, const struct stoq_cid_key *key)
{
	struct stoq_xdp_maps *maps = stoq_xdp_filter_maps(filter);

	maps->config->cid_key = *key;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	stoq_xdp_set_flags(maps, STOQ_XDP_CHECK_CID, true);
}

/* Should it fail, the filter forgets the connection by itself, only later. */
void choose_end_connection(
	struct stoq_xdp_filter *filter, const struct stoq_cid *cids, size_t count, bool gone)
{
	(void)stoq_xdp_end_connection(stoq_xdp_filter_maps(filter), cids, count,
		gone ? STOQ_XDP_CLOSED : STOQ_XDP_CLOSING);
}

void choose_retire_id(struct stoq_xdp_filter *filter, const struct stoq_cid *cid)
{
	(void)stoq_xdp_retire_id(stoq_xdp_filter_maps(filter), cid);
}

static void add_queue(struct stoq_ebpf_status *status, const struct stoq_af_xdp_queue *queue)
{
	status->queues++;
	status->zero_copy_queues += queue->zero_copy;
	status->umem_bytes += queue->umem_bytes;
	status->umem_frames += queue->frames;
	status->umem_frames_used += queue->frames_used;
	status->receive_ring += queue->ring_entries;
	status->receive_ring_used += queue->receive_used;
	status->transmit_ring += queue->ring_entries;
	status->transmit_ring_used += queue->transmit_used;
	status->fill_ring_used += queue->fill_used;
	status->completion_ring_used += queue->completion_used;
}

static void add_worker(struct stoq_ebpf_status *status, struct stoq_datapath *datapath)
{
	struct stoq_af_xdp_counters counters;

	stoq_af_xdp_snapshot(datapath, &counters);
	status->frames_sent += counters.frames_sent;
	status->frames_received += counters.frames_received;
	status->socket_sent += counters.by_socket_sent;
	status->socket_received += counters.by_socket_received;
	status->zero_copy_operations += counters.zero_copy_operations;
	status->copied_operations += counters.copied_operations;
	status->malformed += counters.malformed;
	status->dropped += counters.dropped;
	status->wakeups += counters.wakeups;
	for (uint32_t i = 0; i < counters.queue_count; i++)
		add_queue(status, &counters.queues[i]);
	if (!counters.active && status->datapath == STOQ_DATAPATH_AF_XDP) {
		status->datapath = STOQ_DATAPATH_SOCKET;
		snprintf(status->reason, sizeof(status->reason),
			"AF_XDP on %s was given up, the socket carries everything: %s",
			counters.interface, counters.reason);
	}
}

_Static_assert(STOQ_EBPF_VERDICTS_MAX >= STOQ_XDP_VERDICTS &&
		       STOQ_EBPF_SIZE_CLASSES == STOQ_XDP_SIZE_CLASSES,
	"room for the filter's counters");

/* What the program counted, of all CPUs in one reading. */
static void add_filter(struct stoq_ebpf_status *status, struct stoq_xdp_filter *filter)
{
	struct stoq_xdp_stats sum;

	if (stoq_xdp_stats_sum(stoq_xdp_filter_maps(filter), &sum))
		return;
	status->verdict_count = STOQ_XDP_VERDICTS;
	for (uint32_t i = 0; i < STOQ_XDP_VERDICTS; i++)
		status->verdicts[i] = (struct stoq_ebpf_verdict){
			.name = stoq_xdp_verdict_name(i),
			.packets = sum.verdicts[i].packets,
			.bytes = sum.verdicts[i].bytes,
		};
	memcpy(status->frame_sizes, sum.sizes, sizeof(status->frame_sizes));
	status->redirected = sum.redirected;
	status->opened = sum.opened;
	status->established = sum.established;
	status->migrated = sum.migrated;
}

void choose_status(const struct stoq_datapath_choice *choice, struct stoq_ebpf_status *status)
{
	status->filter = stoq_xdp_filter_is_attached(choice->filter);
	status->filter_native = stoq_xdp_filter_mode(choice->filter) == STOQ_XDP_NATIVE;
	status->filter_place = stoq_xdp_mode_text(stoq_xdp_filter_mode(choice->filter));
	snprintf(status->filter_reason, sizeof(status->filter_reason), "%s",
		stoq_xdp_filter_why(choice->filter));
	add_filter(status, choice->filter);
	for (unsigned int i = 0; choice->kind == STOQ_DATAPATH_AF_XDP && i < choice->count; i++)
		add_worker(status, choice->datapaths[i]);
}
