/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Host end: moves a QUIC connection to another of our addresses, as path_choice.h decides. */
#include "tunnel/path_choice.h"

struct stoq_alarm;
struct stoq_carrier;

struct stoq_path_watch {
	struct stoq_carrier *carrier; /* NULL: there is no connection */
	struct stoq_path_choice choice;
	struct stoq_alarm *alarm;
	uint64_t round_trip_ns; /* the last that was measured */
};

/* The connection is there. Does nothing with fewer than two paths. In the worker's thread. */
void stoq_path_watch_begin(struct stoq_path_watch *watch, struct stoq_carrier *carrier);
/* It is gone, or about to go. */
void stoq_path_watch_end(struct stoq_path_watch *watch);
