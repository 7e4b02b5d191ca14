/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a case has: a wire to a target behind a guard, queues, and a look at the medium afterwards.
 * A case sends what it likes and returns; whether a denied write reached the medium is found out by
 * whoever runs it.
 */
#include "tests/guard-hostile/medium.h"
#include "tests/guard-hostile/queue.h"

struct lab {
	struct tap tap;
	struct medium medium;
	const char *subsystem;
	bool ipv6, spdk, guarded;
	bool digests;	      /* queues ask for them */
	const char *guard_on; /* a command; NULL: there is to be no guard */
	const char *guard_off;
	uint16_t port;	 /* of the next connection */
	uint64_t slba;	 /* a block of the protected namespace that the case may try to write */
	uint32_t random; /* of ISNs */
	struct queue admin, queue;
	int way;	       /* of the case: which variety */
	bool may_fail_to_open; /* not even its first packets need to pass */
	bool honest;	       /* the case is to be served, however slow the machine */
	const char *skipped;   /* why */
	const char *problem;   /* why the case could not be tried, or what an honest one got */
};

/* Which targets let a case's write through when no guard is there. */
enum case_target {
	CASE_ALL,
	CASE_SPDK,   /* reads the stream in SPDK's way */
	CASE_NVMET,  /* reads it in nvmet's way */
	CASE_NONE,   /* it needs a guard that is fooled */
	CASE_HONEST, /* must be served, guard or not; sets lab->problem otherwise */
};

struct hostile_case {
	const char *name;
	void (*run)(struct lab *lab);
	enum case_target target;
	const char *text;
	int way; /* lab->way while it runs */
};

/* Ends with a case without a name. */
extern const struct hostile_case cases_pdu[], cases_tcp[], cases_unseen[], cases_side[],
	cases_reuse[], cases_link[], cases_options[], cases_table[], cases_honest[];

/* A queue's connection that has sent nothing; a second one, beside lab->queue, too. */
void lab_new(struct lab *lab, struct queue *queue);
/* An association: lab->admin enabled, lab->queue connected as I/O queue 1. False: problem is set.
 */
bool lab_open(struct lab *lab);
void lab_close(struct lab *lab);
bool lab_fail(struct lab *lab, const char *problem);
/* The case means nothing here, with this version of IP, say. */
void lab_skip(struct lab *lab, const char *why);
