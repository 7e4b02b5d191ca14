/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The files of a policy, read into the texts of their fields: its own, and those that it includes. */
#include "bpf/limit/limit_shared.h"
#include "guard/document.h"
#include "guard/list.h"
#include "guard/policy.h"
#include "guard/texts.h"

#define GUARD_INCLUDES "include"
#define GUARD_LISTS    "host-lists"
#define GUARD_RULES    "rules"
#define GUARD_LIMITS   "limits"

#define GUARD_INCLUDE_DEPTH 8 /* of a file that is included by one that is included, and so on */

/* The texts of a limit; NULL: not there. */
struct guard_limit_text {
	struct stoq_guard_rule_text match; /* its conditions, as a rule has them */
	char *direction;
	char *share;
	char *iops;
	char *bandwidth;
	char *burst;
};

/* The fields at the top of a file. NULL: not there. */
struct guard_policy_text {
	char *version;
	char *mode;
	char *default_verdict;
	char *default_status;
	char *unknown_host;
	char *strict;
	char *clones;
	char **includes;
	unsigned int include_count;
	struct guard_list_text *lists;
	unsigned int list_count;
	struct stoq_guard_rule_text *rules;
	unsigned int rule_count;
	struct guard_limit_text *limits; /* not of an included file */
	unsigned int limit_count;
};

struct guard_policy_file {
	char *path;
	bool included;
	struct guard_document document;
	struct guard_policy_text text;
};

/* All are open documents as long as the policy is there: its texts are in them. */
struct guard_policy_files {
	struct guard_policy_file items[STOQ_GUARD_FILES_MAX]; /* as they are read */
	size_t count;
	size_t in_order[STOQ_GUARD_FILES_MAX]; /* as their lists and rules follow each other */
	size_t ordered;
};

/*
 * Reads them all, and what is wrong with their outline into mistakes. texts has the first file, whose path is file, and perhaps
 * the others; read_more: those that it does not have are read, and added. NULL: no memory.
 */
struct guard_policy_files *guard_policy_files_load(const char *file, struct stoq_guard_texts *texts,
	bool read_more, struct stoq_guard_mistakes *mistakes);
void guard_policy_files_free(struct guard_policy_files *files);
