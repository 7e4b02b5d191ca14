/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The filter on one interface: loads the program, attaches it, and holds both by file
 * descriptors, so that nothing stays behind when this process ends, however it ends. A transport
 * that listens on several interfaces has a filter on each.
 *
 * An interface takes one XDP program, and one filter of STOQ's in all; of two that come at once, the first. Where there is one already,
 * another transport's or, at XDP, anybody's, opening fails with its name, and what is there is left
 * alone: a transport does without a filter then.
 *
 * Loading needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (for it takes packet pointers' difference).
 * Once it is open nothing of this is needed but, where unprivileged BPF is off and the kernel older
 * than 5.19, CAP_BPF for prefixes and status.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xdp/mode.h"
#include "xdp/settings.h"

struct stoq_xdp_filter;

struct stoq_xdp_filter_config {
	const char *interface;
	const uint16_t *ports; /* NULL: STOQ_XDP_DEFAULT_PORT */
	size_t port_count;
	bool one_address;  /* packets to other addresses than `local` are not for us */
	uint8_t local[16]; /* IPv6, or IPv4 mapped */
	enum stoq_xdp_mode mode;
	bool force_clsact;	     /* STOQ_XDP_TC as if the kernel had no tcx */
	bool refuse_connections;     /* a client: these ports accept no connections */
	struct stoq_cid_key cid_key; /* all zero: connection IDs are not sealed */
	struct stoq_xdp_limit limits[STOQ_XDP_LIMITS];
	uint64_t idle_timeout_ns; /* at least the transport's own */
	uint64_t handshake_timeout_ns;
	uint64_t closing_timeout_ns;
	uint32_t xsk_count; /* slots for AF_XDP sockets: queues * xsks_per_queue */
	uint32_t xsks_per_queue;
};

/*
 * Defaults: 100 handshakes a second from one source (100 at once), 2,000 from all (500), 1,000
 * packets a second of unknown connections (200), timeouts of 10 min, 10 s and 3 s.
 */
void stoq_xdp_filter_config_init(struct stoq_xdp_filter_config *config);

/*
 * 0, or a negative errno with the sentence for people: -EOPNOTSUPP (lo, no Ethernet, or not in this
 * mode), -EBUSY (there is a program already), -EPERM, -ENODEV, ...
 */
int stoq_xdp_filter_open(const struct stoq_xdp_filter_config *config,
	struct stoq_xdp_filter **filter, struct stoq_error *error);
void stoq_xdp_filter_close(struct stoq_xdp_filter *filter);

/* Settings, prefixes, status: xdp/settings.h and xdp/status.h. */
struct stoq_xdp_maps *stoq_xdp_filter_maps(struct stoq_xdp_filter *filter);

/* Not STOQ_XDP_AUTO: what it has become. */
enum stoq_xdp_mode stoq_xdp_filter_mode(const struct stoq_xdp_filter *filter);

/* Why it is there, and not at XDP in the driver: a sentence; "" if it is, or was asked for. */
const char *stoq_xdp_filter_why(const struct stoq_xdp_filter *filter);

/* False: the interface is gone, and the program with it. */
bool stoq_xdp_filter_is_attached(const struct stoq_xdp_filter *filter);
