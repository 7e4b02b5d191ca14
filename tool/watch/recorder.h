/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the watch saw, as entries of a record: for a file (--record), for other nodes (--serve-record), and for the join
 * with one (--with).
 */
#include "flow/model.h"
#include "record/writer.h"
#include "watch/watch.h"

struct watch_joined;
struct watch_recorder;

/*
 * path: NULL: there is no file. checked: violations and writes that overlap are recorded, too. unix_offset_ns: what makes times of
 * events times since 1970; 0: they are.
 */
int watch_recorder_open(struct watch_recorder **recorder, const char *path, uint64_t size_bytes,
	bool checked, uint64_t unix_offset_ns, struct stoq_error *error);

/* Entries go there, too. The writer is closed with the recorder; joined stays the caller's. */
void watch_recorder_serve(struct watch_recorder *recorder, struct stoq_record_writer *writer);
void watch_recorder_join(struct watch_recorder *recorder, struct watch_joined *joined);

/* Hands on what waits, so that another node does not wait for it. 0 or a negative errno. */
int watch_recorder_flush(struct watch_recorder *recorder, struct stoq_error *error);

/* Sets the handlers that record; NULL: there is no recorder, and none is set. */
void watch_recorder_handlers(struct watch_recorder *recorder, struct stoq_event_handlers *handlers);

/*
 * After an update: notes what the model says was missed, and writes what waits. now_ns: of events. 0 or
 * a negative errno: nothing more is recorded.
 */
int watch_recorder_tick(struct watch_recorder *recorder, const struct stoq_model *model,
	uint64_t now_ns, struct stoq_error *error);

/* Ends the file; says what is in it. NULL is fine. 0 or a negative errno. */
int watch_recorder_close(struct watch_recorder *recorder, struct stoq_error *error);
