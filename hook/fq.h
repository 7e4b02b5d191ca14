/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The qdisc fq on an interface, which keeps earliest departure times (net/sched/sch_fq.c): put there where the
 * kernel's default stands, taken away again, and asked. What an operator has configured is left alone.
 */
#include <stdint.h>

#include "base/error.h"

/* fq caps departures that are further away: it must not drop them. */
#define STOQ_FQ_HORIZON_NS 20000000000ull

enum stoq_fq_state {
	STOQ_FQ_NONE,	  /* no fq keeps departure times here */
	STOQ_FQ_OURS,	  /* put there by stoq_fq_install() */
	STOQ_FQ_OPERATOR, /* an operator's, which will do */
};

/* What became of packets in it since it is there: all of these are 0 where limits alone use it. */
struct stoq_fq_counts {
	uint64_t dropped;
	uint64_t packets; /* sent */
	uint32_t waiting; /* packets */
};

/*
 * Puts fq where the interface has its default qdisc; below each queue where that is mq. *state: whose is there now.
 * An
 * interface that is gone needs none. -EBUSY: an operator configured another qdisc, or an fq that would drop what waits. -ENOENT: the kernel has no fq.
 */
int stoq_fq_install(
	const char *interface, int ifindex, enum stoq_fq_state *state, struct stoq_error *error);

/* Takes ours away: the kernel puts its default there. What is gone already, or is not ours, is fine. 0 or a negative errno. */
int stoq_fq_remove(const char *interface, int ifindex, struct stoq_error *error);

/* Waits until ours holds no packet, at most until end_ns (stoq_clock_now_ns()): what waits in it is lost when it is removed. */
void stoq_fq_drain(int ifindex, uint64_t end_ns);

/* 0 or a negative errno. counts: of ours. */
int stoq_fq_look(int ifindex, enum stoq_fq_state *state, struct stoq_fq_counts *counts);
