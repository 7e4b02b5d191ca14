/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A watch over packets that were captured before: the same tables, model and events as those of
 * packets that pass an interface, and no privileges. The clock is that of the packets. One at a time.
 */
#include "capture/packet.h"
#include "record/entry.h"
#include "watch/watch.h"

/*
 * kind: "capture", "record", for the header.
 * config: without interfaces. name: of the capture, for the header. handlers: who gets events, until
 * close; NULL: none.
 */
int stoq_watch_open_capture(struct stoq_watch **watch, const struct stoq_watch_config *config,
	const char *kind, const char *name, const struct stoq_event_handlers *handlers,
	struct stoq_error *error);

/* Takes a packet that passed at this time, which does not go back. */
void stoq_watch_packet(
	struct stoq_watch *watch, const struct stoq_capture_packet *packet, uint64_t now_ns);

/* Takes an entry of a record, in place of packets. */
void stoq_watch_entry(struct stoq_watch *watch, const struct stoq_record_entry *entry);

/* The record has what a check has found: that is shown, and its commands are not looked at again. */
void stoq_watch_use_found(struct stoq_watch *watch);

/* It is so late now, until the next packet. */
void stoq_watch_set_now(struct stoq_watch *watch, uint64_t now_ns);
