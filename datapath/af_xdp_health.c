// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "datapath/af_xdp_private.h"

#define CHECK_EVERY_NS	  10000000ULL
#define SNAPSHOT_EVERY_NS CHECK_EVERY_NS
/*
 * Both. Looks may be far apart: a connection that hears nothing sends ever more rarely. But one
 * look has to have asked the kernel to go on, and another has to find that it did not.
 */
#define STUCK_AFTER_NS	  2000000000ULL
#define STUCK_CHECKS	  3

/* All processors have left what they were doing when this returns: an RCU grace period. */
static void wait_for_processors(void)
{
	struct timespec pause = {.tv_nsec = 50000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}

void af_xdp_unmap(struct stoq_af_xdp *datapath)
{
	for (uint32_t i = 0; i < datapath->queue_count; i++)
		(void)bpf_map_delete_elem(datapath->xsks_fd, &datapath->queues[i].xsk.queue);
	wait_for_processors();
}

uint64_t af_xdp_kernel_drops(const struct stoq_xsk *xsk)
{
	struct xdp_statistics kernel;

	return stoq_xsk_statistics(xsk, &kernel) ? 0 : kernel.rx_dropped + kernel.rx_ring_full;
}

void af_xdp_close_queues(struct stoq_af_xdp *datapath)
{
	struct stoq_xsk *xsk;

	for (uint32_t i = 0; i < datapath->queue_count; i++) {
		xsk = &datapath->queues[i].xsk;
		datapath->counters.dropped_receiving += af_xdp_kernel_drops(xsk);
		datapath->closed_wakeups += xsk->kicks;
		stoq_xsk_close(xsk);
	}
	datapath->queue_count = 0;
	datapath->draining = false;
	af_xdp_wait_closed(datapath);
}

void af_xdp_fall_back(struct stoq_af_xdp *datapath, const char *format, ...)
{
	va_list arguments;

	if (!datapath->active)
		return;
	datapath->active = false;
	datapath->draining = true;
	va_start(arguments, format);
	vsnprintf(datapath->reason, sizeof(datapath->reason), format, arguments);
	va_end(arguments);
	datapath->base.changes++;
	af_xdp_unmap(datapath);
	af_xdp_take_snapshot(datapath);
}

/* Smaller packets than those it was opened for fit, too. */
static bool fits(const struct stoq_xsk *xsk, uint32_t mtu)
{
	return stoq_umem_frame_bytes(mtu) <= xsk->umem.frame_bytes &&
	       stoq_umem_parts(mtu) <= xsk->parts_max;
}

static void on_event(void *context, const struct stoq_kernel_event *event)
{
	struct stoq_af_xdp *datapath = context;

	stoq_peers_event(&datapath->peers, event);
	if (event->ifindex != datapath->ifindex)
		return;
	if (event->what == STOQ_KERNEL_LINK_GONE) {
		af_xdp_fall_back(datapath, "the interface %s is gone", datapath->interface);
	} else if (event->what == STOQ_KERNEL_LINK) {
		datapath->peers.paused = !event->up;
		if (datapath->active && event->mtu && !fits(&datapath->queues[0].xsk, event->mtu))
			af_xdp_fall_back(datapath, "the MTU of %s became %u", datapath->interface,
				event->mtu);
	}
}

/* Frames that the kernel took and does not give back, although the link is up. */
static void check_ring(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue, uint64_t now_ns)
{
	(void)stoq_xsk_reap(&queue->xsk);
	if (!queue->xsk.in_flight || queue->xsk.returned != queue->returned ||
		datapath->peers.paused) {
		queue->returned = queue->xsk.returned;
		queue->stuck_since_ns = 0;
		queue->stuck_checks = 0;
		return;
	}
	if (!queue->stuck_since_ns)
		queue->stuck_since_ns = now_ns;
	if (++queue->stuck_checks >= STUCK_CHECKS &&
		now_ns - queue->stuck_since_ns > STUCK_AFTER_NS)
		af_xdp_fall_back(datapath, "queue %u of %s is stuck: %u frames do not come back",
			queue->xsk.queue, datapath->interface, queue->xsk.in_flight);
	else
		(void)stoq_xsk_kick(&queue->xsk);
}

void af_xdp_check(struct stoq_af_xdp *datapath, uint64_t now_ns)
{
	if (now_ns < datapath->next_check_ns)
		return;
	datapath->next_check_ns = now_ns + CHECK_EVERY_NS;
	stoq_kernel_events(datapath->routes, on_event, datapath);
	for (uint32_t i = 0; datapath->active && i < datapath->queue_count; i++)
		check_ring(datapath, &datapath->queues[i], now_ns);
	if (now_ns >= datapath->next_snapshot_ns) {
		datapath->next_snapshot_ns = now_ns + SNAPSHOT_EVERY_NS;
		af_xdp_take_snapshot(datapath);
	}
}
