/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a program wants to be called for at a time: stoq_alarm_set(). */
#include "base/list.h"
#include "transport/timers.h"

struct stoq_alarms {
	struct stoq_timers timers;
	struct stoq_list all; /* those that are set */
};

void stoq_alarms_init(struct stoq_alarms *alarms);
/* Nothing more is called. */
void stoq_alarms_destroy(struct stoq_alarms *alarms);

/* Calls those that are due; what is set meanwhile waits. */
void stoq_alarms_expire(struct stoq_alarms *alarms, uint64_t now_ns);
