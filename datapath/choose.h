/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which datapath a transport gets, and the XDP filter in front of it. Sockets are always there:
 * whatever eBPF lacks, a transport that did not insist on AF_XDP starts, and the reason is kept.
 */
#include <net/if.h>
#include <stoq/ebpf.h>

#include "base/error.h"
#include "bpf/xdp/cid_shared.h"
#include "datapath/datapath.h"
#include "datapath/udp.h"

#define STOQ_DATAPATH_WORKERS_MAX 64

struct stoq_xdp_filter;

struct stoq_datapath_request {
	enum stoq_datapath_kind kind;
	struct stoq_udp_config udp;  /* worker is set here; busy_poll_us holds for AF_XDP too */
	char interface[IF_NAMESIZE]; /* for AF_XDP and the filter; empty: found by the next two */
	struct stoq_address towards; /* a peer, for a socket bound to a wildcard; or length 0 */
	bool zero_copy_only;	     /* AF_XDP that would copy is refused */
	bool copy_only;		     /* for comparing */
	uint32_t frame_count;	     /* per queue; 0: see struct stoq_xsk_config */

	bool own_ports; /* with sockets, each worker has its own port */

	/*
	 * The filter, which AF_XDP needs, and which protects sockets too. If it is not wished for,
	 * AF_XDP's limits no rates.
	 */
	bool filter;
	enum stoq_filter_place filter_place;
	bool refuse_connections;       /* a transport that does not listen */
	uint64_t idle_timeout_ns;      /* 0: the filter's default */
	uint64_t handshake_timeout_ns; /* 0: the filter's default */
};

struct stoq_datapath_choice {
	struct stoq_datapath *datapaths[STOQ_DATAPATH_WORKERS_MAX]; /* one a worker */
	unsigned int count;
	bool handed_over; /* the new owner closes the datapaths, before the choice is closed */
	enum stoq_datapath_kind kind;	/* what it has become */
	struct stoq_xdp_filter *filter; /* NULL: none */
	char interface[IF_NAMESIZE];	/* of the filter and AF_XDP; empty: neither */
	char reason[400];		/* why it is so, one sentence or two */
};

/*
 * Opens it all: udp.worker_count datapaths (0 counts as 1). Errors are those of stoq_udp_open()
 * and, if AF_XDP was asked for, what stands in its way.
 */
int stoq_datapath_choose(const struct stoq_datapath_request *request,
	struct stoq_datapath_choice *choice, struct stoq_error *error);

/* From now on the filter takes connection IDs for the transport's own only if they are sealed. */
void stoq_datapath_choice_seal(struct stoq_datapath_choice *choice, const struct stoq_cid_key *key);

/*
 * The filter learns that a connection of ours, with all its connection IDs, is closing, or is gone;
 * that one of them is out of use while the connection goes on. From any thread.
 */
void stoq_datapath_choice_end_connection(
	struct stoq_datapath_choice *choice, const struct stoq_cid *cids, size_t count, bool gone);
void stoq_datapath_choice_retire_id(
	struct stoq_datapath_choice *choice, const struct stoq_cid *cid);

/* Fills all but `asked`. From any thread. */
void stoq_datapath_choice_status(
	const struct stoq_datapath_choice *choice, struct stoq_ebpf_status *status);

/* Closes the datapaths, then the filter: no packet is lost on the way. */
void stoq_datapath_choice_close(struct stoq_datapath_choice *choice);

/* "auto", "socket", "af_xdp". -EINVAL. */
int stoq_datapath_kind_parse(
	enum stoq_datapath_kind *kind, const char *text, struct stoq_error *error);
const char *stoq_datapath_kind_name(enum stoq_datapath_kind kind);
