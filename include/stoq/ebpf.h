/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * eBPF under a transport: which datapath carries its datagrams, the filter in front of it,
 * and what AF_XDP does. Optional: a library built without eBPF answers too, and says so.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum stoq_datapath_kind {
	/*
	 * AF_XDP where the driver has zero-copy, sockets elsewhere. With zero-copy the kernel's
	 * network stack and both copies are spared; where frames are copied anyway, one system
	 * call and one pass through the stack for 64 datagrams (GSO, GRO) cost less than a frame
	 * each does.
	 */
	STOQ_DATAPATH_AUTO = 0,
	STOQ_DATAPATH_SOCKET,
	STOQ_DATAPATH_AF_XDP, /* zero-copy or copying; an error where it cannot be */
};

/* Where the filter in front of a transport looks at packets. */
enum stoq_filter_place {
	/*
	 * By the interface's driver: tc ingress where an XDP program would turn segmentation
	 * offload off (veth, virtio_net, tun), and XDP in the driver elsewhere; the other one if
	 * that fails. XDP wherever AF_XDP is used or its driver has zero-copy for it.
	 */
	STOQ_FILTER_AUTO = 0,
	STOQ_FILTER_XDP, /* in the driver only */
	STOQ_FILTER_TC,	 /* at tc ingress only */
};

/* What became of packets at the filter. */
struct stoq_ebpf_verdict {
	const char *name; /* "pass_established", "drop_denied", ... */
	uint64_t packets, bytes;
};

#define STOQ_EBPF_VERDICTS_MAX 32
#define STOQ_EBPF_SIZE_CLASSES 11

struct stoq_ebpf_status {
	enum stoq_datapath_kind asked;
	enum stoq_datapath_kind datapath; /* now: AF_XDP falls back to the socket by itself */
	char reason[400];		  /* why it is so, a sentence or two */
	char interface[IF_NAMESIZE];	  /* of the filter and of AF_XDP; empty: neither */
	bool filter;			  /* a filter of ours is on the interface */
	bool filter_native;		  /* at XDP in the driver */
	const char *filter_place; /* "native XDP", "generic XDP", "tc ingress"; NULL: none */
	char filter_reason[160];  /* why it is there, if not as asked for; or "" */

	/* AF_XDP, over all workers; up to 10 ms old. */
	uint32_t queues;
	uint32_t zero_copy_queues;
	uint64_t frames_sent, frames_received;	    /* datagrams by frames */
	uint64_t socket_sent, socket_received;	    /* datagrams by the socket beside it */
	uint64_t zero_copy_operations;		    /* frames not copied */
	uint64_t copied_operations;		    /* frames copied by the kernel */
	uint64_t dropped;			    /* received, but no room in a ring */
	uint64_t malformed;			    /* redirected, but no datagram for us */
	uint64_t wakeups;			    /* system calls to get the kernel going */
	uint64_t umem_bytes;			    /* memory shared with the kernel */
	uint64_t umem_frames, umem_frames_used;	    /* for sending */
	uint64_t receive_ring, receive_ring_used;   /* entries; used: waiting for us */
	uint64_t transmit_ring, transmit_ring_used; /* used: waiting for the kernel */
	uint64_t fill_ring_used;		    /* frames the kernel may receive into */
	uint64_t completion_ring_used;		    /* sent frames not taken back yet */

	/* The filter's counters since it was attached. verdict_count 0: no filter, or no right. */
	uint32_t verdict_count;
	struct stoq_ebpf_verdict verdicts[STOQ_EBPF_VERDICTS_MAX];
	uint64_t frame_sizes[STOQ_EBPF_SIZE_CLASSES]; /* for our ports: <= 64 << n bytes; larger */
	uint64_t redirected, opened, established, migrated;
};

#ifdef __cplusplus
}
#endif
