/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq watch --with NODE`: what this watch and that of another node saw, joined, interval by interval. */
#include "base/error.h"
#include "record/entry.h"

struct watch_joined;
struct watch_link;
struct watch_options;
struct watch_report;

/* Starts a thread that reads the node's record. Rights are to be dropped before. */
int watch_joined_open(struct watch_joined **joined, const struct watch_options *options,
	struct watch_link *link, struct stoq_error *error);

/* An entry of this watch's own record. 0 or -ENOMEM. */
int watch_joined_add(struct watch_joined *joined, const struct stoq_record_entry *entry);

/* Whether the connection is known as it is now; version as in stoq_record_knows(). From now on it is. */
bool watch_joined_knows(struct watch_joined *joined, uint32_t uid, uint32_t version);

/* Shows the interval that ends now, and begins the next one. */
void watch_joined_interval(struct watch_joined *joined, struct watch_report *report);

/* False: the node's record has ended, or cannot be read. */
bool watch_joined_works(struct watch_joined *joined);

/* Shows all of it, ends the thread and frees. NULL is fine. 0, or why the node's record ended early. */
int watch_joined_close(
	struct watch_joined *joined, struct watch_report *report, struct stoq_error *error);
