/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One command that a policy is asked about, as a person describes it. */
#include <stddef.h>
#include <stdint.h>

#include "bpf/guard/policy_shared.h"

#define STOQ_GUARD_QUESTION_RANGES 128 /* as many as one command can have */

struct stoq_guard_question {
	const char *host;      /* NULL: not known */
	const char *subsystem; /* NULL: not known */
	const char *command;   /* as the user calls it */
	uint32_t nsid;	       /* 0: none */
	struct stoq_guard_request request;
	/* Of a command with several ranges; none: they are not to be seen. */
	uint64_t ranges[STOQ_GUARD_QUESTION_RANGES][2];
	size_t range_count;
};

/* What a question lacks, or has too much. */
enum stoq_guard_question_flaw {
	STOQ_GUARD_QUESTION_COMPLETE = 0,
	STOQ_GUARD_QUESTION_NO_COMMAND,
	STOQ_GUARD_QUESTION_UNKNOWN_COMMAND,
	STOQ_GUARD_QUESTION_NO_NAMESPACE, /* an I/O command needs one */
	STOQ_GUARD_QUESTION_NO_RANGE,	  /* the command has exactly one */
	STOQ_GUARD_QUESTION_RANGE,	  /* the command has none */
};

/* "7", or "all"; 0, -EINVAL or -ERANGE. */
int stoq_guard_parse_namespace(const char *text, uint32_t *nsid);

/* Fills the table and the code of the request, from the command's name. */
enum stoq_guard_question_flaw stoq_guard_question_complete(struct stoq_guard_question *question);

/* Fills the rest of a complete question's request, but for the classes. */
void stoq_guard_question_set(
	struct stoq_guard_question *question, const struct stoq_guard_compiled *policy);
