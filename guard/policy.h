/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A guard policy as its files have it, every value checked. Each mistake names the file, the line and the field, and what to
 * write instead. stoq-guard-policy(5) is the language.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "guard/commands.h"
#include "guard/mistakes.h"
#include "guard/texts.h"
#include "nvme/nvme.h"

#define STOQ_GUARD_LIST_MAX	     64 /* entries of one list in a rule */
#define STOQ_GUARD_HOST_LISTS_MAX    256
#define STOQ_GUARD_RULE_NAMESPACES   256 /* of one rule, those of its ranges counted one by one */
#define STOQ_GUARD_STATUS_BY_COMMAND 0	 /* no status named: it depends on the command */
#define STOQ_GUARD_STATUS_WRITE	     NVME_STATUS(0, 0x20) /* Namespace is Write Protected */
#define STOQ_GUARD_STATUS_OTHER	     NVME_STATUS(2, 0x86) /* Access Denied */

/* The texts of a rule as they stand in the file; NULL: not there. */
struct stoq_guard_rule_text {
	char *name;
	char *host;
	char **hosts;
	unsigned int host_count;
	char *subsystem;
	char **subsystems;
	unsigned int subsystem_count;
	char *nsid;
	char **nsids;
	unsigned int nsid_count;
	char **commands;
	unsigned int command_count;
	char *lba;
	char *verdict;
	char *status;
};

struct stoq_guard_list;
struct stoq_guard_limit; /* guard/limit.h */

/*
 * A condition on an NQN. length 0: none, any name and also an unknown one. With lists: a name meets it that meets
 * one of theirs, and text is what the rule says, to be shown.
 */
struct stoq_guard_condition {
	const char *text; /* belongs to the policy; not terminated at length */
	size_t length;
	bool prefix;
	const struct stoq_guard_list **lists;
	size_t list_count; /* 0: it is about text alone */
};

/* NQNs, or what they begin with: of `host-lists`, or of one rule. */
struct stoq_guard_list {
	const char *name; /* NULL: of a rule */
	struct stoq_guard_condition *items;
	size_t count;
	struct stoq_guard_list *next;
};

struct stoq_guard_rule {
	const struct stoq_guard_rule_text *text;
	const char *file; /* that is included and has it; NULL: the policy's own */
	unsigned int line;
	struct stoq_guard_condition host;
	struct stoq_guard_condition subsystem;
	uint32_t namespaces[STOQ_GUARD_RULE_NAMESPACES]; /* ascending; none: every namespace */
	size_t namespace_count;
	struct stoq_guard_commands commands; /* all, if the rule names none */
	bool has_range;
	uint64_t lba_first;
	uint64_t lba_last;
	enum stoq_guard_verdict verdict;
	uint16_t status; /* or STOQ_GUARD_STATUS_BY_COMMAND */
};

/* What is done with what is decided. */
enum stoq_guard_mode {
	STOQ_GUARD_MODE_NOT_NAMED, /* enforced, unless `stoq guard on` has --audit */
	STOQ_GUARD_MODE_ENFORCE,
	STOQ_GUARD_MODE_AUDIT, /* counted and logged only */
};

struct stoq_guard_policy {
	enum stoq_guard_mode mode;
	enum stoq_guard_verdict default_verdict;
	uint16_t default_status; /* or STOQ_GUARD_STATUS_BY_COMMAND */
	enum stoq_guard_verdict unknown_host;
	bool strict;
	enum stoq_guard_clones clones;
	struct stoq_guard_list *lists; /* all of them */
	size_t rule_count;
	struct stoq_guard_rule *rules;
	size_t limit_count;
	struct stoq_guard_limit *limits;
	struct stoq_guard_policy
		*limited;		  /* rule N is the conditions of limit N; NULL: no limits */
	struct guard_policy_files *files; /* what has all texts */
};

/*
 * Reads a policy from the text of a file that includes no others; errors call it file. 0, -EINVAL with the first mistake, or
 * -ENOMEM. Free it after a 0.
 */
int stoq_guard_policy_parse(struct stoq_guard_policy *policy, const char *file, const char *text,
	size_t size, struct stoq_error *error);

/*
 * The same of the texts of all files; texts has the first one at least. read_more: files that are included and not there are
 * read, and added. All mistakes go into mistakes; stoq_guard_mistakes_end() then has what this returns.
 */
int stoq_guard_policy_parse_texts(struct stoq_guard_policy *policy, const char *file,
	struct stoq_guard_texts *texts, bool read_more, struct stoq_guard_mistakes *mistakes);
/* The path of file i of its texts, resolved from that of the policy; NULL: there is none. */
const char *stoq_guard_policy_file(const struct stoq_guard_policy *policy, size_t i);
void stoq_guard_policy_free(struct stoq_guard_policy *policy);

/* "100-199" or "0+34"; 0 or -EINVAL. */
int stoq_guard_parse_range(const char *text, uint64_t *first, uint64_t *last);

/* The status of a rule, or of the default, for one command. */
static inline uint16_t stoq_guard_status_for(uint16_t status, bool changes_data)
{
	if (status != STOQ_GUARD_STATUS_BY_COMMAND)
		return status;
	return changes_data ? STOQ_GUARD_STATUS_WRITE : STOQ_GUARD_STATUS_OTHER;
}
