/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Writes that overlap, among what the program or a record has of them: happenings. */
#include "watch/watch_private.h"

/* 0 or -ENOMEM. Nothing to do where the protocol is not checked. */
int stoq_writes_open(struct stoq_watch *watch);

void stoq_writes_on_event(struct stoq_watch *watch, const struct stoq_event_write *event);

/* A pair that was found: an event. */
void stoq_writes_tell(struct stoq_watch *watch, const struct stoq_overlap *overlap);

/* A command of a record. */
void stoq_writes_on_ended(struct stoq_watch *watch, const struct stoq_event_command *event);
