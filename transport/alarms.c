// SPDX-License-Identifier: BSD-2-Clause
#include "transport/alarms.h"

#include <errno.h>
#include <stdlib.h>

#include "transport/endpoint.h"
#include "transport/worker.h"

struct stoq_alarm {
	struct stoq_alarms *owner;
	struct stoq_timer timer;
	struct stoq_list link; /* owner->all, or those that are due in this round */
	void (*call)(void *argument);
	void *argument;
};

void stoq_alarms_init(struct stoq_alarms *alarms)
{
	*alarms = (struct stoq_alarms){0};
	stoq_list_init(&alarms->all);
}

void stoq_alarms_destroy(struct stoq_alarms *alarms)
{
	while (!stoq_list_empty(&alarms->all))
		stoq_alarm_cancel(STOQ_LIST_ENTRY(
			stoq_list_take_first(&alarms->all), struct stoq_alarm, link));
	stoq_timers_destroy(&alarms->timers);
}

void stoq_alarms_expire(struct stoq_alarms *alarms, uint64_t now_ns)
{
	struct stoq_list due;
	struct stoq_timer *timer;

	stoq_list_init(&due);
	while ((timer = stoq_timers_expire(&alarms->timers, now_ns)))
		stoq_list_move_last(&due, &STOQ_LIST_ENTRY(timer, struct stoq_alarm, timer)->link);
	while (!stoq_list_empty(&due)) {
		/* It may cancel others that are due, but not itself: it is gone. */
		struct stoq_alarm *alarm =
			STOQ_LIST_ENTRY(stoq_list_take_first(&due), struct stoq_alarm, link);
		struct stoq_alarm copy = *alarm;

		stoq_alarm_cancel(alarm);
		copy.call(copy.argument);
	}
}

int stoq_alarm_set(struct stoq_transport *transport, unsigned int index, uint64_t at_ns,
	void (*call)(void *argument), void *argument, struct stoq_alarm **result)
{
	struct stoq_alarms *alarms;
	struct stoq_alarm *alarm;

	if (index >= transport->worker_count || !call || at_ns == STOQ_NEVER)
		return -EINVAL;
	if (transport->destroying)
		return -ESHUTDOWN;
	alarms = &transport->workers[index]->alarms;
	alarm = malloc(sizeof(*alarm));
	if (!alarm || stoq_timers_reserve(&alarms->timers, alarms->timers.count + 1)) {
		free(alarm);
		return -ENOMEM;
	}
	*alarm = (struct stoq_alarm){.owner = alarms, .call = call, .argument = argument};
	stoq_list_append(&alarms->all, &alarm->link);
	stoq_timer_set(&alarms->timers, &alarm->timer, at_ns);
	if (result)
		*result = alarm;
	return 0;
}

void stoq_alarm_cancel(struct stoq_alarm *alarm)
{
	if (!alarm)
		return;
	stoq_timer_set(&alarm->owner->timers, &alarm->timer, STOQ_NEVER);
	stoq_list_remove(&alarm->link);
	free(alarm);
}
