/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One AF_XDP socket on one queue of an interface, with memory of its own. Written on the kernel's
 * interface rather than on libxdp: its xsk.h would load a program of its own, keep the sizes of
 * a ring from the memory's owner, and hide why a bind failed.
 */
#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "datapath/umem.h"
#include "datapath/xsk_ring.h"

enum stoq_xsk_mode {
	STOQ_XSK_AUTO = 0, /* zero-copy where the driver has it */
	STOQ_XSK_COPY,
	STOQ_XSK_ZEROCOPY,
};

struct stoq_xsk_config {
	const char *interface; /* for messages */
	int ifindex;
	uint32_t queue;
	enum stoq_xsk_mode mode;
	uint32_t frame_bytes; /* of the memory, see stoq_umem_frame_bytes() */
	/*
	 * A power of two; half are for receiving, half for sending. 0: 4096, or 2048 where they are
	 * copied: the fewer, the more of them are still in the cache when they are written again.
	 */
	uint32_t frame_count;
	uint32_t busy_poll_us; /* 0: interrupts */
	bool several_frames;   /* a packet may take several: stoq_netdev_has_several_frames() */
};

struct stoq_xsk {
	int fd;
	uint32_t queue;
	bool zero_copy;	    /* what XDP_OPTIONS says */
	uint32_t parts_max; /* frames that a packet may take: 1 without several_frames */
	bool busy_poll;	    /* the kernel took SO_PREFER_BUSY_POLL */
	char refused[96];   /* why zero-copy was not had, empty if it was or was not asked for */
	struct stoq_umem umem;
	struct stoq_ring receive;    /* struct xdp_desc, we consume */
	struct stoq_ring transmit;   /* struct xdp_desc, we produce */
	struct stoq_ring fill;	     /* offsets, we produce */
	struct stoq_ring completion; /* offsets, we consume */
	struct {
		void *memory;
		uint64_t size;
	} maps[4];
	uint32_t in_flight; /* frames given to the transmit ring and not back yet */
	uint64_t returned;  /* frames that came back, ever */
	uint64_t kicks;	    /* system calls made to get the kernel going */
};

/*
 * Opens and binds it, with the fill ring full: packets arrive as soon as an XSKMAP holds fd.
 * -EBUSY: another socket has the queue. -EOPNOTSUPP: zero-copy asked for and not there.
 * -EPERM: no CAP_NET_RAW. -ENOBUFS: the limit of locked memory.
 */
int stoq_xsk_open(
	struct stoq_xsk *xsk, const struct stoq_xsk_config *config, struct stoq_error *error);

/* Frames in it are lost: take it out of the XSKMAP and drain it first. */
void stoq_xsk_close(struct stoq_xsk *xsk);

/* Takes back the frames that were sent. How many. */
uint32_t stoq_xsk_reap(struct stoq_xsk *xsk);

/* How many frames can be put into the transmit ring, `wanted` if there is room for as many. */
uint32_t stoq_xsk_room(struct stoq_xsk *xsk, uint32_t wanted);

/* The memory for the frame `ahead` of the next one to be sent, and its length once written. */
uint8_t *stoq_xsk_stage(struct stoq_xsk *xsk, uint32_t ahead, struct xdp_desc **desc);

/* The packet goes on in the next frame that is staged. */
void stoq_xsk_continue(struct xdp_desc *desc);

/* Hands `count` staged frames to the kernel. They are sent by stoq_xsk_kick(). */
void stoq_xsk_submit(struct stoq_xsk *xsk, uint32_t count);

/* Gets the kernel to send, if it wants to be told. 0, or a negative errno. */
int stoq_xsk_kick(struct stoq_xsk *xsk);

/*
 * How many of the `waiting` received frames, from the one `ahead` of the first on, make up one packet. 0: its end
 * is not there yet.
 */
uint32_t stoq_xsk_parts(const struct stoq_xsk *xsk, uint32_t ahead, uint32_t waiting);

/* Received frames waiting; the data of the one `ahead` of the first, NULL if it is nonsense. */
uint32_t stoq_xsk_received(struct stoq_xsk *xsk);
const uint8_t *stoq_xsk_peek(struct stoq_xsk *xsk, uint32_t ahead, uint32_t *size);

/* Done with the first `count` received frames: the kernel gets them back. */
void stoq_xsk_release(struct stoq_xsk *xsk, uint32_t count);

/* The kernel's counters of this socket. */
int stoq_xsk_statistics(const struct stoq_xsk *xsk, struct xdp_statistics *statistics);
