// SPDX-License-Identifier: BSD-2-Clause
#include "guard/question.h"

#include <string.h>

#include "base/units.h"
#include "bpf/guard/engine.h"
#include "guard/commands.h"

int stoq_guard_parse_namespace(const char *text, uint32_t *nsid)
{
	uint64_t number = STOQ_GUARD_NSID_ALL;
	int result = strcmp(text, "all") == 0
			     ? 0
			     : stoq_parse_number(text, 1, STOQ_GUARD_NSID_ALL, &number);

	if (!result)
		*nsid = (uint32_t)number;
	return result;
}

enum stoq_guard_question_flaw stoq_guard_question_complete(struct stoq_guard_question *question)
{
	uint8_t table, code, touches;

	if (!question->command)
		return STOQ_GUARD_QUESTION_NO_COMMAND;
	if (stoq_guard_command_find(question->command, &table, &code))
		return STOQ_GUARD_QUESTION_UNKNOWN_COMMAND;
	touches = stoq_guard_command_touches(table, code);
	if (table == STOQ_GUARD_IO && !question->nsid)
		return STOQ_GUARD_QUESTION_NO_NAMESPACE;
	if (touches == STOQ_GUARD_TOUCHES_RANGE && question->range_count != 1)
		return STOQ_GUARD_QUESTION_NO_RANGE;
	if (question->range_count && touches != STOQ_GUARD_TOUCHES_RANGE &&
		touches != STOQ_GUARD_TOUCHES_LIST)
		return STOQ_GUARD_QUESTION_RANGE;
	question->request.table = table;
	question->request.code = code;
	return STOQ_GUARD_QUESTION_COMPLETE;
}

void stoq_guard_question_set(
	struct stoq_guard_question *question, const struct stoq_guard_compiled *policy)
{
	stoq_guard_request_set(policy, &question->request, question->request.table,
		question->request.code, question->nsid);
}
