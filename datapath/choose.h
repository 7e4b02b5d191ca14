/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which datapath a transport gets, and the XDP filter in front of it. Sockets are always there:
 * whatever eBPF lacks, a transport that did not insist on AF_XDP starts, and the reason is kept.
 */
#include <net/if.h>

#include "base/error.h"
#include "bpf/cid_shared.h"
#include "datapath/datapath.h"
#include "datapath/udp.h"

#define STOQ_DATAPATH_WORKERS_MAX 64

struct stoq_xdp_filter;

enum stoq_datapath_kind {
	/*
	 * AF_XDP where the driver has zero-copy, sockets elsewhere. With zero-copy the kernel's
	 * network stack and both copies are spared; where frames are copied anyway, one system
	 * call and one pass through the stack for 64 datagrams (GSO, GRO) cost less than a frame
	 * each does: see doc/design/af-xdp.md.
	 */
	STOQ_DATAPATH_AUTO = 0,
	STOQ_DATAPATH_SOCKET,
	STOQ_DATAPATH_AF_XDP, /* zero-copy or copying; an error where it cannot be */
};

struct stoq_datapath_wish {
	enum stoq_datapath_kind kind;
	struct stoq_udp_config udp;  /* worker is set here; busy_poll_us holds for AF_XDP too */
	char interface[IF_NAMESIZE]; /* for AF_XDP and the filter; empty: found by the next two */
	struct stoq_address towards; /* a peer, for a socket bound to a wildcard; or length 0 */
	bool zero_copy_only;	     /* AF_XDP that would copy is refused */
	bool copy_only;		     /* for comparing */
	uint32_t frame_count;	     /* per queue; 0: 4096 */

	/* The filter, which AF_XDP needs, and which protects sockets too. */
	bool filter;		       /* also in front of sockets */
	bool refuse_connections;       /* a transport that does not listen */
	struct stoq_cid_key cid_key;   /* all zero: connection IDs are not sealed */
	uint64_t idle_timeout_ns;      /* 0: the filter's default */
	uint64_t handshake_timeout_ns; /* 0: the filter's default */
};

struct stoq_datapath_choice {
	struct stoq_datapath *datapaths[STOQ_DATAPATH_WORKERS_MAX]; /* one a worker */
	unsigned int count;
	enum stoq_datapath_kind kind;	/* what it has become */
	struct stoq_xdp_filter *filter; /* NULL: none */
	char interface[IF_NAMESIZE];	/* of the filter and AF_XDP; empty: neither */
	char reason[400];		/* why it is so, one sentence or two */
};

/*
 * Opens it all: udp.worker_count datapaths (0 counts as 1). Errors are those of stoq_udp_open()
 * and, if AF_XDP was asked for, what stands in its way.
 */
int stoq_datapath_choose(const struct stoq_datapath_wish *wish, struct stoq_datapath_choice *choice,
	struct stoq_error *error);

/* Closes the datapaths, then the filter: no packet is lost on the way. */
void stoq_datapath_choice_close(struct stoq_datapath_choice *choice);

/* "auto", "socket", "af_xdp". -EINVAL. */
int stoq_datapath_kind_parse(
	enum stoq_datapath_kind *kind, const char *text, struct stoq_error *error);
const char *stoq_datapath_kind_name(enum stoq_datapath_kind kind);
