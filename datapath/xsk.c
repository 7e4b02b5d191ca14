// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/xsk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/privileges.h"

/* Newer than the headers of Debian 12; a kernel that does not know one refuses it, no harm. */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

#ifndef XDP_USE_SG
#define XDP_USE_SG    (1 << 4)
#define XDP_PKT_CONTD (1 << 0)
#endif

#define BUSY_POLL_BUDGET  64
#define COPY_BATCH	  32
#define FRAMES_ZERO_COPY  4096
#define FRAMES_COPY	  2048
#define BUSY_TRIES	  30
#define BUSY_PAUSE_NS	  10000000
#define SEND_BUFFER_BYTES (4 << 20)

enum { MAP_RECEIVE, MAP_TRANSMIT, MAP_FILL, MAP_COMPLETION };

static int set_option(int fd, int option, uint32_t value)
{
	return setsockopt(fd, SOL_XDP, option, &value, sizeof(value)) ? -errno : 0;
}

static int register_memory(struct stoq_xsk *xsk, struct stoq_error *error)
{
	struct xdp_umem_reg region = {
		.addr = (uint64_t)(uintptr_t)xsk->umem.memory,
		.len = xsk->umem.size_bytes,
		.chunk_size = xsk->umem.frame_bytes,
	};
	uint32_t half = xsk->umem.frame_count / 2;

	if (setsockopt(xsk->fd, SOL_XDP, XDP_UMEM_REG, &region, sizeof(region)))
		return stoq_error_set(error, -errno,
			"cannot register %llu KiB of memory for AF_XDP: %s%s",
			(unsigned long long)(xsk->umem.size_bytes >> 10), strerror(errno),
			errno == ENOBUFS ? "; raise the limit of locked memory (ulimit -l) or give "
					   "CAP_IPC_LOCK"
					 : "");
	if (set_option(xsk->fd, XDP_UMEM_FILL_RING, half) ||
		set_option(xsk->fd, XDP_UMEM_COMPLETION_RING, half) ||
		set_option(xsk->fd, XDP_RX_RING, half) || set_option(xsk->fd, XDP_TX_RING, half))
		return stoq_error_set(error, -errno, "cannot make AF_XDP rings of %u entries: %s",
			half, strerror(errno));
	return 0;
}

static int map_ring(struct stoq_xsk *xsk, int index, const struct xdp_ring_offset *offset,
	uint64_t page_offset, uint32_t size, uint32_t entry_bytes, struct stoq_ring *ring)
{
	uint64_t bytes = offset->desc + (uint64_t)size * entry_bytes;
	uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		xsk->fd, (off_t)page_offset);

	if (memory == MAP_FAILED)
		return -errno;
	xsk->maps[index].memory = memory;
	xsk->maps[index].size = bytes;
	*ring = (struct stoq_ring){
		.producer = (uint32_t *)(memory + offset->producer),
		.consumer = (uint32_t *)(memory + offset->consumer),
		.flags = (uint32_t *)(memory + offset->flags),
		.entries = memory + offset->desc,
		.size = size,
	};
	return 0;
}

static int map_rings(struct stoq_xsk *xsk, uint32_t size, struct stoq_error *error)
{
	struct xdp_mmap_offsets offsets;
	socklen_t length = sizeof(offsets);

	if (getsockopt(xsk->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length))
		return stoq_error_set(error, -errno,
			"cannot ask for the layout of AF_XDP rings: %s", strerror(errno));
	if (map_ring(xsk, MAP_RECEIVE, &offsets.rx, XDP_PGOFF_RX_RING, size,
		    sizeof(struct xdp_desc), &xsk->receive) ||
		map_ring(xsk, MAP_TRANSMIT, &offsets.tx, XDP_PGOFF_TX_RING, size,
			sizeof(struct xdp_desc), &xsk->transmit) ||
		map_ring(xsk, MAP_FILL, &offsets.fr, XDP_UMEM_PGOFF_FILL_RING, size,
			sizeof(uint64_t), &xsk->fill) ||
		map_ring(xsk, MAP_COMPLETION, &offsets.cr, XDP_UMEM_PGOFF_COMPLETION_RING, size,
			sizeof(uint64_t), &xsk->completion))
		return stoq_error_set(
			error, -errno, "cannot map AF_XDP rings: %s", strerror(errno));
	return 0;
}

/* The frames for receiving stay in the fill ring, the receive ring and the device until the socket is closed. */
static void fill(struct stoq_xsk *xsk)
{
	uint32_t count = 0;
	uint64_t offset;

	while (count < xsk->fill.size && stoq_umem_take(&xsk->umem, &offset))
		*stoq_ring_frame(&xsk->fill, count++) = offset;
	stoq_ring_produce(&xsk->fill, count);
}

/* All of these only make it faster, so none of them may fail. */
static void tune(struct stoq_xsk *xsk, const struct stoq_xsk_config *config)
{
	int one = 1, budget = BUSY_POLL_BUDGET, bytes = SEND_BUFFER_BYTES;
	int us = (int)config->busy_poll_us;

	if (setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)set_option(xsk->fd, XDP_MAX_TX_SKB_BUDGET, xsk->transmit.size);
	if (!us)
		return;
	xsk->busy_poll = !setsockopt(xsk->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &one, sizeof(one));
	(void)setsockopt(xsk->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us));
	(void)setsockopt(xsk->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget));
}

static const char *bind_advice(int code, bool several_frames)
{
	switch (code) {
	case EBUSY:
		return ": another AF_XDP socket has this queue; end its owner (ss --xdp -a -p "
		       "shows "
		       "it) or use the socket datapath";
	case EINVAL:
	case EOPNOTSUPP:
		return several_frames
			       ? ": the driver does not have it for packets of this MTU, which "
				 "take several frames"
			       : ": the driver does not have it";
	case ENETDOWN:
		return ": set the interface up first";
	case EPERM:
		return ": CAP_NET_RAW and CAP_NET_ADMIN are needed";
	}
	return "";
}

static int bind_queue(struct stoq_xsk *xsk, const struct stoq_xsk_config *config, bool zero_copy,
	struct stoq_error *error)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_USE_NEED_WAKEUP | (zero_copy ? XDP_ZEROCOPY : XDP_COPY) |
			      (config->several_frames ? XDP_USE_SG : 0),
		.sxdp_ifindex = config->ifindex,
		.sxdp_queue_id = config->queue,
	};
	struct xdp_options options = {0};
	socklen_t length = sizeof(options);

	if (bind(xsk->fd, (struct sockaddr *)&address, sizeof(address)))
		return stoq_error_set(error, -errno, "AF_XDP (%s) on queue %u of %s failed: %s%s",
			zero_copy ? "zero-copy" : "copy", config->queue, config->interface,
			strerror(errno), bind_advice(errno, config->several_frames));
	if (getsockopt(xsk->fd, SOL_XDP, XDP_OPTIONS, &options, &length))
		return stoq_error_set(
			error, -errno, "cannot ask an AF_XDP socket its mode: %s", strerror(errno));
	xsk->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

static int try_mode(struct stoq_xsk *xsk, const struct stoq_xsk_config *config, bool zero_copy,
	struct stoq_error *error)
{
	uint32_t frames = config->frame_count ? config->frame_count
			  : zero_copy	      ? FRAMES_ZERO_COPY
					      : FRAMES_COPY;
	int code;

	*xsk = (struct stoq_xsk){
		.queue = config->queue,
		.parts_max = config->several_frames ? STOQ_UMEM_PARTS_MAX : 1,
	};
	xsk->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xsk->fd < 0)
		return stoq_error_set(error, -errno, "cannot make an AF_XDP socket: %s%s",
			strerror(errno),
			errno == EPERM		? ": CAP_NET_RAW is needed; run as root, or: "
						  "setcap " STOQ_ALL_CAPABILITIES " on the binary"
			: errno == EAFNOSUPPORT ? ": this kernel was built without XDP sockets"
						: "");
	code = stoq_umem_open(&xsk->umem, frames, config->frame_bytes, error);
	if (!code)
		code = register_memory(xsk, error);
	if (!code)
		code = map_rings(xsk, frames / 2, error);
	if (!code) {
		fill(xsk);
		tune(xsk, config);
		code = bind_queue(xsk, config, zero_copy, error);
	}
	if (code)
		stoq_xsk_close(xsk);
	return code;
}

/* The kernel lets go of a queue some time after its socket was closed, in a work queue. */
static int open_mode(struct stoq_xsk *xsk, const struct stoq_xsk_config *config, bool zero_copy,
	struct stoq_error *error)
{
	struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
	int code = try_mode(xsk, config, zero_copy, error);

	for (int tries = 0; code == -EBUSY && tries < BUSY_TRIES; tries++) {
		nanosleep(&pause, NULL);
		code = try_mode(xsk, config, zero_copy, error);
	}
	return code;
}

/* A driver's "no" to zero-copy is the start of another try, with a socket that is new. */
int stoq_xsk_open(
	struct stoq_xsk *xsk, const struct stoq_xsk_config *config, struct stoq_error *error)
{
	int code = -EOPNOTSUPP;

	if (config->mode != STOQ_XSK_COPY)
		code = open_mode(xsk, config, true, error);
	if (config->mode == STOQ_XSK_ZEROCOPY || !code || code == -EBUSY || code == -EPERM)
		return code;
	code = open_mode(xsk, config, false, error);
	if (!code && config->mode == STOQ_XSK_AUTO)
		snprintf(xsk->refused, sizeof(xsk->refused),
			"%s's driver refused zero-copy on queue %u%s", config->interface,
			config->queue,
			config->several_frames ? " with several frames a packet" : "");
	return code;
}

void stoq_xsk_close(struct stoq_xsk *xsk)
{
	for (unsigned int i = 0; i < sizeof(xsk->maps) / sizeof(*xsk->maps); i++)
		if (xsk->maps[i].memory)
			munmap(xsk->maps[i].memory, xsk->maps[i].size);
	if (xsk->fd >= 0)
		close(xsk->fd);
	stoq_umem_close(&xsk->umem);
	*xsk = (struct stoq_xsk){.fd = -1};
}

uint32_t stoq_xsk_reap(struct stoq_xsk *xsk)
{
	uint32_t count = stoq_ring_filled(&xsk->completion);

	for (uint32_t i = 0; i < count; i++)
		if (stoq_umem_put(&xsk->umem, *stoq_ring_frame(&xsk->completion, i)))
			xsk->in_flight--;
	if (count)
		stoq_ring_consume(&xsk->completion, count);
	xsk->returned += count;
	return count;
}

uint32_t stoq_xsk_room(struct stoq_xsk *xsk, uint32_t wanted)
{
	uint32_t room;

	/* Soon: the frames that came back last are taken first, and lie in the cache. */
	stoq_xsk_reap(xsk);
	room = stoq_ring_room(&xsk->transmit, wanted);
	return room < xsk->umem.free_count ? room : xsk->umem.free_count;
}

uint8_t *stoq_xsk_stage(struct stoq_xsk *xsk, uint32_t ahead, struct xdp_desc **desc)
{
	uint64_t offset;

	if (!stoq_umem_take(&xsk->umem, &offset))
		return NULL;
	*desc = stoq_ring_desc(&xsk->transmit, ahead);
	**desc = (struct xdp_desc){.addr = offset};
	return xsk->umem.memory + offset;
}

void stoq_xsk_continue(struct xdp_desc *desc)
{
	desc->options |= XDP_PKT_CONTD;
}

void stoq_xsk_submit(struct stoq_xsk *xsk, uint32_t count)
{
	xsk->in_flight += count;
	stoq_ring_produce(&xsk->transmit, count);
}

/*
 * With a driver that copies, each call sends a batch (32 frames before Linux 6.17) and says EAGAIN
 * when there is more. It says so for want of memory too, hence the bound.
 */
int stoq_xsk_kick(struct stoq_xsk *xsk)
{
	uint32_t rounds = xsk->transmit.size / COPY_BATCH + 1;

	if (!xsk->busy_poll && !stoq_ring_wants_wakeup(&xsk->transmit))
		return 0;
	while (rounds--) {
		xsk->kicks++;
		if (sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			return 0;
		if (errno != EAGAIN || xsk->zero_copy)
			break;
	}
	return errno == EAGAIN || errno == EBUSY || errno == ENOBUFS || errno == EINTR ? 0 : -errno;
}

/* A driver that has run out of frames, or that we poll, has to be called. */
static void wake_receiver(struct stoq_xsk *xsk)
{
	if (!xsk->busy_poll && !stoq_ring_wants_wakeup(&xsk->fill))
		return;
	xsk->kicks++;
	(void)recvfrom(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

uint32_t stoq_xsk_received(struct stoq_xsk *xsk)
{
	uint32_t count;

	/* The rest of a packet may have come behind what was seen. */
	if (xsk->parts_max > 1)
		xsk->receive.seen = stoq_ring_load(xsk->receive.producer);
	count = stoq_ring_filled(&xsk->receive);
	if (count)
		return count;
	wake_receiver(xsk);
	return xsk->busy_poll ? stoq_ring_filled(&xsk->receive) : 0;
}

uint32_t stoq_xsk_parts(const struct stoq_xsk *xsk, uint32_t ahead, uint32_t waiting)
{
	for (uint32_t parts = 1; ahead + parts <= waiting; parts++)
		if (!(stoq_ring_desc(&xsk->receive, ahead + parts - 1)->options & XDP_PKT_CONTD))
			return parts;
	return 0;
}

const uint8_t *stoq_xsk_peek(struct stoq_xsk *xsk, uint32_t ahead, uint32_t *size)
{
	const struct xdp_desc *desc = stoq_ring_desc(&xsk->receive, ahead);

	*size = desc->len;
	if (desc->addr >= xsk->umem.size_bytes || desc->len > xsk->umem.size_bytes - desc->addr)
		return NULL;
	return xsk->umem.memory + desc->addr;
}

/* The fill ring has room for every receiving frame, so what was taken always fits back. */
void stoq_xsk_release(struct stoq_xsk *xsk, uint32_t count)
{
	uint64_t mask = ~(uint64_t)(xsk->umem.frame_bytes - 1);

	for (uint32_t i = 0; i < count; i++)
		*stoq_ring_frame(&xsk->fill, i) = stoq_ring_desc(&xsk->receive, i)->addr & mask;
	stoq_ring_produce(&xsk->fill, count);
	stoq_ring_consume(&xsk->receive, count);
	if (count)
		wake_receiver(xsk);
}

int stoq_xsk_statistics(const struct stoq_xsk *xsk, struct xdp_statistics *statistics)
{
	socklen_t length = sizeof(*statistics);

	*statistics = (struct xdp_statistics){0};
	return getsockopt(xsk->fd, SOL_XDP, XDP_STATISTICS, statistics, &length) ? -errno : 0;
}
