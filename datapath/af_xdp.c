// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/af_xdp.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "datapath/address.h"
#include "datapath/af_xdp_private.h"
#include "probe/netdev.h"

/* How long close() waits for frames that the device has not sent yet, in steps of 1 ms. */
#define LINGER_STEPS 100

/* Frames of a socket that is bound to an address leave from it, though the interface has others. */
static int ask_way(void *context, const struct stoq_address *remote,
	const struct stoq_address *local, struct stoq_way *way)
{
	struct stoq_af_xdp *datapath = context;

	if (!local->length && !datapath->wildcard)
		local = &datapath->local;
	return stoq_kernel_way(datapath->routes, datapath->ifindex, remote, local, way);
}

/* What AF_XDP cannot do at all, before anything is tried. */
static int check_link(const struct stoq_link *link, struct stoq_error *error)
{
	if (link->loopback)
		return stoq_error_set(error, -ENOTSUP,
			"AF_XDP does not work on %s: loopback has no queues of its own, and some "
			"kernels crash; use the socket datapath",
			link->name);
	if (!link->ethernet)
		return stoq_error_set(error, -ENOTSUP,
			"AF_XDP does not work on %s: it is no Ethernet interface", link->name);
	return 0;
}

/* The interface that has this address. */
static int interface_of(struct stoq_kernel_routes *routes, const struct stoq_address *local,
	struct stoq_link *link, struct stoq_error *error)
{
	char text[STOQ_ADDRESS_TEXT];
	int code = -EADDRNOTAVAIL, ifindex = 0;

	if (!stoq_address_is_wildcard(local))
		code = stoq_kernel_interface_of(routes, local, &ifindex);
	if (!code)
		code = stoq_kernel_link(routes, ifindex, link);
	if (code)
		return stoq_error_set(error, -EADDRNOTAVAIL,
			"no interface for AF_XDP belongs to %s; name one",
			stoq_address_text(text, local));
	return 0;
}

static int named_link(struct stoq_kernel_routes *routes, const char *name, struct stoq_link *link,
	struct stoq_error *error)
{
	if (stoq_kernel_link(routes, (int)if_nametoindex(name), link) == 0)
		return 0;
	return stoq_error_set(error, -ENODEV, "there is no interface %s for AF_XDP", name);
}

int stoq_af_xdp_interface(
	const struct stoq_address *local, char name[static IF_NAMESIZE], struct stoq_error *error)
{
	struct stoq_kernel_routes *routes;
	struct stoq_link link = {0};
	int code = stoq_kernel_routes_open(&routes, error);

	if (code)
		return code;
	code = interface_of(routes, local, &link, error);
	stoq_kernel_routes_close(routes);
	if (!code)
		memcpy(name, link.name, IF_NAMESIZE);
	return code;
}

int stoq_af_xdp_check_interface(const char *name, struct stoq_error *error)
{
	struct stoq_kernel_routes *routes;
	struct stoq_link link = {0};
	int code = stoq_kernel_routes_open(&routes, error);

	if (code)
		return code;
	code = named_link(routes, name, &link, error);
	stoq_kernel_routes_close(routes);
	return code ? code : check_link(&link, error);
}

static int find_interface(struct stoq_af_xdp *datapath, const char *name, struct stoq_link *link,
	struct stoq_error *error)
{
	int code;

	if (*name)
		code = named_link(datapath->routes, name, link, error);
	else
		code = interface_of(datapath->routes, &datapath->local, link, error);
	if (!code)
		code = check_link(link, error);
	if (code)
		return code;
	if (!link->enabled)
		return stoq_error_set(error, -ENETDOWN,
			"AF_XDP cannot start on %s: the interface is down; ip link set %s up",
			link->name, link->name);
	datapath->ifindex = link->ifindex;
	memcpy(datapath->interface, link->name, IF_NAMESIZE);
	return 0;
}

/* Receive queues; where the driver does not tell there is one. */
static uint32_t queues_of(const char *interface)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (char *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t count = 1;

	if (fd < 0)
		return count;
	memcpy(request.ifr_name, interface, IF_NAMESIZE);
	if (!ioctl(fd, SIOCETHTOOL, &request) && channels.combined_count + channels.rx_count)
		count = channels.combined_count + channels.rx_count;
	close(fd);
	return count;
}

static int open_queue(struct stoq_af_xdp *datapath, const struct stoq_af_xdp_config *config,
	const struct stoq_link *link, uint32_t queue, struct stoq_error *error)
{
	struct stoq_xsk *xsk = &datapath->queues[datapath->queue_count].xsk;
	struct stoq_xsk_config wanted = {
		.interface = datapath->interface,
		.ifindex = datapath->ifindex,
		.queue = queue,
		.mode = config->mode,
		.frame_bytes = stoq_umem_frame_bytes(link->mtu),
		.frame_count = config->frame_count,
		.busy_poll_us = config->busy_poll_us,
		.several_frames = stoq_umem_parts(link->mtu) > 1,
	};
	int code = stoq_xsk_open(xsk, &wanted, error);

	if (code)
		return code;
	datapath->queue_count++;
	if (xsk->refused[0])
		memcpy(datapath->reason, xsk->refused, sizeof(xsk->refused));
	return af_xdp_wait_for_queue(datapath, &datapath->queues[datapath->queue_count - 1], error);
}

/* A packet that does not fit into a frame takes several, where the kernel has that. */
static int check_mtu(const struct stoq_link *link, struct stoq_error *error)
{
	uint32_t parts = stoq_umem_parts(link->mtu);

	if (parts > STOQ_UMEM_PARTS_MAX)
		return stoq_error_set(error, -ENOTSUP,
			"AF_XDP cannot run on %s with an MTU of %u: a packet would take %u frames of 4096 "
			"bytes, and %u are the most; make the MTU smaller, or use the socket datapath",
			link->name, link->mtu, parts, STOQ_UMEM_PARTS_MAX);
	if (parts > 1 && !stoq_netdev_has_several_frames())
		return stoq_error_set(error, -ENOTSUP,
			"AF_XDP cannot run on %s with an MTU of %u: a packet must fit into a frame of "
			"4096 bytes before Linux 6.6; ip link set %s mtu 3818 or less, or use the socket "
			"datapath",
			link->name, link->mtu, link->name);
	return 0;
}

static int open_queues(struct stoq_af_xdp *datapath, const struct stoq_af_xdp_config *config,
	const struct stoq_link *link, struct stoq_error *error)
{
	uint32_t workers = config->worker_count ? config->worker_count : 1;
	uint32_t count = queues_of(datapath->interface);
	int code = check_mtu(link, error);

	if (code)
		return code;
	if (count > STOQ_AF_XDP_QUEUES_MAX || count <= config->worker)
		return stoq_error_set(error, -ENOTSUP,
			"AF_XDP cannot run on %s: it has %u queue%s, and must have one for each "
			"worker and at most %u; ethtool -L %s combined N",
			link->name, count, count == 1 ? "" : "s", STOQ_AF_XDP_QUEUES_MAX,
			link->name);
	datapath->queues = calloc(count, sizeof(*datapath->queues));
	if (!datapath->queues)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t queue = config->worker; !code && queue < count; queue += workers)
		code = open_queue(datapath, config, link, queue, error);
	return code;
}

/* From here on packets arrive at the AF_XDP sockets. */
static int map_queues(struct stoq_af_xdp *datapath, struct stoq_error *error)
{
	struct stoq_xsk *xsk;

	for (uint32_t i = 0; i < datapath->queue_count; i++) {
		xsk = &datapath->queues[i].xsk;
		if (bpf_map_update_elem(datapath->xsks_fd, &xsk->queue, &xsk->fd, BPF_ANY))
			return stoq_error_set(error, -errno,
				"cannot give queue %u of %s to AF_XDP: %s", xsk->queue,
				datapath->interface, strerror(errno));
	}
	datapath->active = true;
	return 0;
}

/* All but the UDP socket. */
static void release(struct stoq_af_xdp *datapath)
{
	af_xdp_close_queues(datapath);
	free(datapath->queues);
	af_xdp_wait_close(datapath);
	if (datapath->xsks_fd >= 0)
		close(datapath->xsks_fd);
	stoq_peers_close(&datapath->peers);
	stoq_kernel_routes_close(datapath->routes);
	pthread_mutex_destroy(&datapath->snapshot_lock);
	free(datapath);
}

/* What the kernel has to send shall go out before the rings are closed. */
static void linger(struct stoq_af_xdp *datapath)
{
	struct stoq_xsk *xsk;

	for (uint32_t i = 0; i < datapath->queue_count; i++) {
		xsk = &datapath->queues[i].xsk;
		for (int step = 0; step < LINGER_STEPS; step++) {
			(void)stoq_xsk_reap(xsk);
			if (!xsk->in_flight || stoq_xsk_kick(xsk))
				break;
			(void)poll(NULL, 0, 1);
		}
	}
}

void stoq_af_xdp_stop(struct stoq_datapath *base)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);

	af_xdp_fall_back(datapath, "as asked for");
	linger(datapath);
}

struct stoq_datapath *stoq_af_xdp_unwrap(struct stoq_datapath *base)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	struct stoq_datapath *udp = datapath->udp;

	if (datapath->active) {
		af_xdp_unmap(datapath);
		linger(datapath);
	}
	release(datapath);
	return udp;
}

static void af_xdp_close(struct stoq_datapath *base)
{
	stoq_datapath_close(stoq_af_xdp_unwrap(base));
}

static int af_xdp_descriptor(struct stoq_datapath *base, short *events)
{
	*events = POLLIN;
	return af_xdp_of(base)->epoll_fd;
}

static int af_xdp_route(struct stoq_datapath *base, const struct stoq_address *remote,
	struct stoq_datapath_route *route)
{
	return stoq_datapath_route(af_xdp_of(base)->udp, remote, route);
}

static const char *mode_name(const struct stoq_af_xdp *datapath)
{
	uint32_t zero_copy = 0;

	for (uint32_t i = 0; i < datapath->queue_count; i++)
		zero_copy += datapath->queues[i].xsk.zero_copy;
	return zero_copy == datapath->queue_count ? "zero-copy"
	       : zero_copy			  ? "zero-copy on some"
						  : "copying";
}

static void af_xdp_info(struct stoq_datapath *base, struct stoq_datapath_info *info)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	char udp[sizeof(info->description)];

	stoq_datapath_info(datapath->udp, info);
	if (!datapath->active) {
		snprintf(info->warning, sizeof(info->warning),
			"AF_XDP on %s was given up, the socket carries everything: %s",
			datapath->interface, datapath->reason);
		return;
	}
	memcpy(udp, info->description, sizeof(udp));
	info->kind = "af_xdp";
	info->joins = false;
	snprintf(info->description, sizeof(info->description),
		"AF_XDP on %s, %u queue%s, %s%s, beside %.80s", datapath->interface,
		datapath->queue_count, datapath->queue_count == 1 ? "" : "s", mode_name(datapath),
		datapath->queues[0].xsk.parts_max > 1 ? ", several frames a packet" : "", udp);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX || b == UINT64_MAX ? UINT64_MAX : a + b;
}

static void count_kernel_drops(
	struct stoq_af_xdp *datapath, struct stoq_datapath_counters *counters)
{
	for (uint32_t i = 0; i < datapath->queue_count; i++)
		counters->dropped_receiving = sum(
			counters->dropped_receiving, af_xdp_kernel_drops(&datapath->queues[i].xsk));
}

static void af_xdp_counters(struct stoq_datapath *base, struct stoq_datapath_counters *counters)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	const struct stoq_datapath_counters *frames = &datapath->counters;

	stoq_datapath_counters(datapath->udp, counters);
	counters->sent_datagrams += frames->sent_datagrams;
	counters->sent_bytes += frames->sent_bytes;
	counters->sent_batches += frames->sent_batches;
	counters->received_datagrams += frames->received_datagrams;
	counters->received_bytes += frames->received_bytes;
	counters->received_batches += frames->received_batches;
	counters->dropped_receiving = sum(counters->dropped_receiving, datapath->malformed);
	counters->dropped_receiving = sum(counters->dropped_receiving, frames->dropped_receiving);
	counters->zero_copy_operations = frames->zero_copy_operations;
	counters->copied_operations = frames->copied_operations;
	count_kernel_drops(datapath, counters);
}

static const struct stoq_datapath_operations operations = {
	.send_batch = af_xdp_send_batch,
	.receive_batch = af_xdp_receive_batch,
	.descriptor = af_xdp_descriptor,
	.route = af_xdp_route,
	.info = af_xdp_info,
	.counters = af_xdp_counters,
	.close = af_xdp_close,
};

static int prepare(struct stoq_af_xdp *datapath, const struct stoq_af_xdp_config *config,
	struct stoq_error *error)
{
	struct stoq_datapath_info info;
	struct stoq_link link = {0};
	int code;

	stoq_datapath_info(datapath->udp, &info);
	datapath->local = info.local;
	datapath->wildcard = stoq_address_is_wildcard(&info.local);
	code = stoq_kernel_routes_open(&datapath->routes, error);
	if (!code)
		code = find_interface(datapath, config->interface, &link, error);
	if (!code && stoq_peers_open(
			     &datapath->peers, stoq_address_port(&info.local), ask_way, datapath))
		code = stoq_error_set(error, -ENOMEM, "out of memory");
	if (!code)
		code = af_xdp_wait_open(datapath, error);
	if (!code)
		code = open_queues(datapath, config, &link, error);
	return code;
}

int stoq_af_xdp_open(const struct stoq_af_xdp_config *config, struct stoq_datapath *udp,
	struct stoq_datapath **datapath, struct stoq_error *error)
{
	struct stoq_af_xdp *opened = calloc(1, sizeof(*opened));
	int code;

	if (!opened)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	opened->base.operations = &operations;
	opened->udp = udp;
	opened->epoll_fd = -1;
	opened->busy_fd = -1;
	pthread_mutex_init(&opened->snapshot_lock, NULL);
	opened->xsks_fd = fcntl(config->xsks_fd, F_DUPFD_CLOEXEC, 0);
	code = prepare(opened, config, error);
	if (!code)
		code = map_queues(opened, error);
	if (code) {
		release(opened);
		return code;
	}
	af_xdp_take_snapshot(opened);
	*datapath = &opened->base;
	return 0;
}
