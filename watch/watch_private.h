/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The state of a watch: what the files that load, read and sum up share. */
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "bpf/stream/command_shared.h"
#include "bpf/stream/program_shared.h"
#include "capture/program.h"
#include "ebpf/map_dump.h"
#include "hook/attach.h"
#include "watch/groups.h"
#include "watch/ledger.h"
#include "watch/watch.h"

#define STOQ_INTERFACES_MAX 32

struct stoq_watch_bpf; /* the skeleton */

/* What a reading of the flows has shown, until it is handed on in the order of time. */
struct stoq_happened {
	struct stoq_event_happening event;
	const struct stoq_ledger_flow *flow;
	size_t number; /* of the order in which they were found */
};

struct stoq_watch {
	struct stoq_watch_bpf *program; /* NULL: the tables are those of another program */
	struct stoq_program *decoder;	/* of a capture; NULL: the kernel runs the program */
	uint64_t now_ns;		/* of a capture */
	struct stoq_tables tables;
	char attachment[64];
	uint32_t bare[STOQ_BARE_MAX]; /* interfaces whose packets begin with the IP header */
	const uint32_t *kernel;	      /* the program's stoq_globals, mapped */
	void *bss;		      /* what is mapped of .bss if shared, else NULL */
	uint64_t base_counters[STOQ_COUNTERS];
	uint64_t base_pdu_types[NVME_TCP_PDU_TYPES];
	struct stoq_attachment attachments[2 * STOQ_INTERFACES_MAX];
	size_t attachment_count;
	char interfaces[STOQ_INTERFACES_MAX][IF_NAMESIZE];
	unsigned int ifindexes[STOQ_INTERFACES_MAX];
	bool gone[STOQ_INTERFACES_MAX]; /* once and for all: numbers are not used again */
	bool shared;
	bool controllers_news; /* a Connect has succeeded since identified_uid was taken */
	bool record;
	bool check;
	bool found_recorded; /* of a record: what was found is among its entries */
	bool report_errors;
	bool happened_lost; /* there was no memory for one of happened */
	size_t interface_count;

	struct ring_buffer *ring;
	const struct stoq_event_handlers *handlers; /* during dispatch; of a capture, always */
	int delivered;				    /* likewise */
	struct stoq_identity nobody;
	struct stoq_flow_identities known; /* of flows that began unseen */
	uint32_t identified_uid;	   /* no flow that was there then has a higher one */
	struct stoq_overlaps *overlaps;	   /* if check, else NULL */
	uint32_t overlaps_told;		   /* since the last reading */
	const struct stoq_filter *filter;  /* never NULL */
	uint64_t slow_ns; /* what of the commands becomes an event for the handler of commands */

	struct stoq_slot *commands; /* the kernel's table, mapped */
	struct stoq_detail *details;
	struct stoq_tcp *tcps; /* likewise, STOQ_TCPS of them; NULL: there are none */
	size_t command_count;

	struct stoq_map_dump flows, series, statuses;
	struct stoq_cpu *cpus; /* one for each CPU that the kernel keeps a value for */
	uint32_t cpu_count;

	struct stoq_happened *happened;
	size_t happened_count, happened_capacity;
	struct stoq_ledger ledger;
	struct stoq_totals *totals; /* NULL: nobody scrapes */
	struct stoq_groups groups;
	struct stoq_model model;
	size_t status_capacity;
	uint64_t flows_missing;	  /* neither there nor ended, at the last reading */
	uint64_t flows_displaced; /* the same at two readings: others took their room */
	uint64_t proven_open;	  /* at the last reading */
	uint64_t base_open;	  /* the same before the start */
	size_t line_capacity;	  /* of model.flows */
	uint32_t last_uid;	  /* no flow that began before the last reading has a higher one */
	uint64_t start_ns;
	uint64_t last_ns;
};

static inline uint64_t stoq_watch_now(const struct stoq_watch *watch)
{
	return watch->decoder ? watch->now_ns : stoq_clock_now_ns();
}
