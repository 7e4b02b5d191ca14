/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What is remembered between two readings of the kernel's maps: whose a series is, what it
 * stood at, and what connections that are gone had counted. A series of a connection that
 * is gone is moved out of the kernel's table into `retired`, so that the table has room for
 * new ones and no total ever falls.
 */
#include <stdbool.h>

#include "base/hash_table.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/series_shared.h"
#include "flow/model.h"
#include "watch/totals.h"

struct stoq_ledger_flow {
	uint32_t uid;
	struct stoq_flow_key key;
	bool host_is_a;
	uint32_t version; /* counts the changes of what is known of it */
	struct stoq_identity identity;
	bool names_known;
	bool names_looked_for;			   /* for an event, since the Connect has passed */
	uint8_t host_id[16];			   /* of the Connect; if names_known */
	bool wanted;				   /* by the filter */
	bool present;				   /* in the last reading, whatever its state */
	bool connect_told, end_told, silence_told; /* as happenings */
	uint64_t signs;				   /* commands of the host, at the last reading */
	uint64_t active_ns;			   /* when there were new ones; 0: not known */
	bool open;				   /* in the last reading, and not closed */
	bool end_recorded;   /* that it is not open any more was handed to the recorder */
	uint64_t doubt_ns;   /* as in struct stoq_flow */
	unsigned int series; /* in the ledger */
	UT_hash_handle hh;
};

struct stoq_ledger_stages {
	struct stoq_stage_series before[STOQ_STAGES];
	struct stoq_stage_series last[STOQ_STAGES];
};

struct stoq_ledger_series {
	struct stoq_series_key key;
	struct stoq_ledger_flow *flow; /* NULL: an overflow series, or never seen */
	unsigned int quiet;	       /* readings without a change since its flow was gone */
	struct stoq_series before;     /* what the reading before the last one said */
	struct stoq_series last;
	struct stoq_series base; /* what had been counted before the start */
	/* The stages of the same; NULL: they are not counted. Before the start there were none. */
	struct stoq_ledger_stages *stages;
	struct stoq_total *counted; /* in the watch's totals; NULL: nothing yet */
	UT_hash_handle hh;
};

/* By identity down to queue, namespace and opcode. */
struct stoq_ledger_retired {
	struct stoq_identity identity;
	struct stoq_statistics total;
};

struct stoq_ledger_status {
	struct stoq_status_key key;
	uint64_t last;
	UT_hash_handle hh;
};

/* Where a host NQN was seen first. */
#define STOQ_LEDGER_HOSTS_MAX 4096

struct stoq_ledger_host {
	char nqn[NVME_NQN_LENGTH];
	char address[64]; /* without its port */
	uint8_t id[16];
	bool shared_told, other_id_told;
	UT_hash_handle hh;
};

struct stoq_ledger {
	struct stoq_ledger_host
		*hosts; /* STOQ_LEDGER_HOSTS_MAX at most: later ones are not compared */
	struct stoq_ledger_flow *flows;
	struct stoq_ledger_series *series;
	struct stoq_ledger_status *statuses;
	struct stoq_ledger_retired *retired;
	size_t retired_count;
};

void stoq_ledger_free(struct stoq_ledger *ledger);

/* NULL: not there. */
struct stoq_ledger_flow *stoq_ledger_flow_find(struct stoq_ledger *ledger, uint32_t uid);

/* Found or made. NULL: no memory. */
struct stoq_ledger_flow *stoq_ledger_flow_get(struct stoq_ledger *ledger, uint32_t uid);
struct stoq_ledger_series *stoq_ledger_series_get(
	struct stoq_ledger *ledger, const struct stoq_series_key *key);
struct stoq_ledger_status *stoq_ledger_status_get(
	struct stoq_ledger *ledger, const struct stoq_status_key *key);

/* The identity of a series: its flow's, with namespace, opcode and, if these are counted, size. */
void stoq_ledger_identify(
	const struct stoq_ledger_series *series, bool sized, struct stoq_identity *identity);

/*
 * Forgets a series; its counts move to the retired ones if it is wanted. 0 or -ENOMEM (nothing
 * changed).
 */
int stoq_ledger_retire(
	struct stoq_ledger *ledger, struct stoq_ledger_series *series, bool wanted, bool sized);

void stoq_ledger_status_forget(struct stoq_ledger *ledger, struct stoq_ledger_status *status);

/* Forgets flows that are in no table any more and have no series. */
void stoq_ledger_prune_flows(struct stoq_ledger *ledger);

/* A new reading of a series. staged: stages are counted. 0 or -ENOMEM. */
int stoq_ledger_series_take(
	struct stoq_ledger_series *series, const struct stoq_series *reading, bool staged);

/* Adds what a series has counted since the start, or since the reading before the last one. */
void stoq_ledger_add_total(
	struct stoq_statistics *statistics, const struct stoq_ledger_series *series);
void stoq_ledger_add_interval(
	struct stoq_statistics *statistics, const struct stoq_ledger_series *series);
