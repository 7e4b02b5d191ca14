// SPDX-License-Identifier: BSD-2-Clause
#include "tool/record_notes.h"

#include <inttypes.h>

#include "tool/message.h"

static void print_missed(const char *name, const struct stoq_record_missed *missed)
{
	if (missed->lost)
		tool_notice(
			"%" PRIu64 " commands were lost while %s was recorded", missed->lost, name);
	if (missed->unmatched || missed->unended || missed->untracked || missed->unsynced_bytes)
		tool_notice("not in %s: %" PRIu64 " commands that began unseen, %" PRIu64
			    " not seen to end, %" PRIu64 " untracked; %" PRIu64
			    " bytes not understood",
			name, missed->unmatched, missed->unended, missed->untracked,
			missed->unsynced_bytes);
}

void tool_record_notes(const char *name, const struct stoq_record_notes *notes)
{
	if (!notes->commands)
		tool_notice("%s has no commands", name);
	if (notes->begins_late)
		tool_notice("%s is the end of a longer record: what came before was "
			    "overwritten, as --record-size asks, or taken away",
			name);
	if (notes->ends_early)
		tool_notice("%s was cut, or is still being written: it was read up to its last "
			    "whole block",
			name);
	if (notes->older_cut)
		tool_notice("%s.1 was cut: it was read up to its last whole block", name);
	if (notes->damaged)
		tool_notice("%" PRIu64 " blocks of %s are damaged: they were left out",
			notes->damaged, name);
	print_missed(name, &notes->missed);
}
