// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/arrivals.h"

#include <string.h>

void stoq_arrivals_note(struct stoq_arrivals *arrivals, uint64_t received, uint64_t now_ns)
{
	struct stoq_arrival *notes = arrivals->notes;

	if (arrivals->count && now_ns - notes[arrivals->count - 1].at_ns < STOQ_ARRIVALS_STEP_NS)
		return;
	if (arrivals->count == STOQ_ARRIVALS_NOTES) {
		memmove(notes, notes + 1, (STOQ_ARRIVALS_NOTES - 1) * sizeof(*notes));
		arrivals->count--;
	}
	notes[arrivals->count++] = (struct stoq_arrival){now_ns, received};
}

uint64_t stoq_arrivals_of(const struct stoq_arrivals *arrivals, uint64_t offset, uint64_t now_ns)
{
	for (unsigned int i = 0; i < arrivals->count; i++)
		if (offset < arrivals->notes[i].received)
			return arrivals->notes[i].at_ns;
	return now_ns;
}
