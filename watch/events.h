/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Hands the program's events on. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stoq_ledger_flow;
struct stoq_watch;

/* The flow of an event; NULL: it is not known. ended: a command of it, so that its Connect has passed. */
const struct stoq_ledger_flow *stoq_watch_flow_of(
	struct stoq_watch *watch, uint32_t uid, bool ended);

/* A violation, which is counted where it is found: tells of it. */
struct stoq_event_violation;
void stoq_watch_on_violation(struct stoq_watch *watch, const struct stoq_event_violation *event);

/* context: the watch. 0, or -EAGAIN: enough for now. */
int stoq_watch_on_event(void *context, void *data, size_t size);
