/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * What TCP adds to a connection, as one place of its path shows it: round trips from here to either
 * end, what was sent again, what came late, whose window was closed, who reset it. Counted where
 * stages are.
 */
#include <linux/types.h>

#include "nvme/nvme_tcp_constants.h"
#include "nvme/nvme_types.h"

/* What one side has sent. The CPU of its packets writes it, but for the round trips. */
struct stoq_tcp_side {
	__u64 retransmitted_bytes; /* had passed here before */
	__u64 late_bytes;    /* came behind others: lost, or overtaken, before they came here */
	__u64 zero_since_ns; /* its window is closed since then; 0: it is open */
	__u64 zero_window_ns;
	__u64 zero_windows; /* how often it was closed */
	__u64 resets;
	__u32 hole_from; /* bytes between these were not seen when others behind them were; */
	__u32 hole_to;	 /* equal: there is no such hole */
	__u64 pad;
	/* From this side's data, here, to the other side's acknowledgment of them: a cache line of its
	 * own, as packets of the other side look at it. */
	__u64 sent_ns;
	__u32 sent_end; /* acknowledged up to here, it is a round trip ... */
	__u32 waiting;	/* ... if this is set */
	__u64 round_trips;
	__u64 round_trip_sum_ns;
	__u64 round_trip_min_ns;
	__u64 round_trip_max_ns;
	__u64 round_trip_pad[2];
};
NVME_ASSERT_SIZE(struct stoq_tcp_side, 128);

#define STOQ_TCPS 8192 /* connections for which there is room: a power of two */

struct stoq_tcp {
	__u32 uid; /* of the flow; 0: free */
	__u32 closed;
	__u64 used_ns;
	/* From SYN to SYN and ACK, and from there to the ACK: the way to the controller and back, and
	 * that to the host. 0: not seen, or sent again. */
	__u64 handshake_ns[NVME_TCP_SIDES];
	__u64 pad[4];
	struct stoq_tcp_side side[NVME_TCP_SIDES]; /* by sender */
};
NVME_ASSERT_SIZE(struct stoq_tcp, 64 + 2 * 128);

/* The handshake of a connection that is not a flow yet. */
struct stoq_handshake {
	__u64 syn_ns; /* 0: it was sent again */
	__u64 answer_ns;
	__u64 acknowledged_ns;
	__u32 host_first; /* the SYN's sequence number */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_handshake, 32);
