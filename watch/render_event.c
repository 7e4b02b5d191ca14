// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_event.h"

#include <stdio.h>

#include "base/timestamp.h"
#include "flow/label.h"
#include "flow/text.h"

const char *stoq_event_happening_heading(void)
{
	return "TIME                             EVENT                   AFTER CONNECTION, QUEUE, REASON";
}

void stoq_event_happening_line(char line[static STOQ_EVENT_LINE],
	const struct stoq_event_happening *event, const struct stoq_identity *queue,
	uint64_t unix_offset_ns)
{
	struct stoq_identity ends;
	char time[STOQ_TIMESTAMP], connection[STOQ_LABEL_SIZE], names[STOQ_LABEL_SIZE],
		after[STOQ_TEXT_NUMBER] = "-";

	ends = *queue;
	if (queue->host_nqn[0])
		ends.qid = -1; /* the queue's name has it */
	stoq_group_label(connection, &ends, STOQ_BY_CONNECTION, 0);
	stoq_group_label(names, queue, STOQ_BY_QUEUE, 60);
	if (event->duration_ns)
		stoq_text_time(after, event->duration_ns, "");
	snprintf(line, STOQ_EVENT_LINE, "%s %-21s %7s %.150s%s%.120s%s%s",
		stoq_timestamp_local(time, event->time_ns + unix_offset_ns, 6),
		stoq_happening_name(event->what), after, connection, queue->host_nqn[0] ? " " : "",
		queue->host_nqn[0] ? names : "", event->reason[0] ? ": " : "", event->reason);
}
