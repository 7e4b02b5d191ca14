/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Random policies and commands, and a second opinion: an evaluator that walks the rules one by
 * one, from top to bottom, and knows nothing of how guard/ reads or compiles them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/guard/policy_shared.h"
#include "nvme/nvme.h"

#define RANDOM_RULES_MAX 300
#define RANDOM_NAMED	 6
#define RANDOM_TEXT_MAX	 (RANDOM_RULES_MAX * 512 + 512)

struct random_rule {
	char host[48];	     /* "": none; may end in * */
	char other_host[48]; /* the same: host and this one are a list */
	bool named_list;     /* it has the policy's list in it, too */
	char subsystem[48];
	uint32_t nsids[3];
	size_t nsid_count;
	const char *commands[3];
	size_t command_count;
	bool has_range;
	uint64_t first, last;
	int verdict;	    /* enum stoq_guard_verdict */
	const char *status; /* NULL: not named */
	uint16_t status_code;
};

struct random_policy {
	int default_verdict;
	int unknown_host;
	char named[RANDOM_NAMED][48]; /* of the list `named` */
	struct random_rule rules[RANDOM_RULES_MAX];
	size_t rule_count;
};

struct random_command {
	struct nvme_sqe sqe;
	enum nvme_queue_kind kind;
	bool known; /* host and subsystem are */
	char host[256];
	char subsystem[256];
	bool list_seen; /* of a command with several ranges: one is given */
	uint64_t first, last;
};

/* Small and fast; never 0. */
uint32_t random_next(uint64_t *state);

void random_policy_make(struct random_policy *policy, uint64_t *state, size_t rules_max);
size_t random_policy_write(const struct random_policy *policy, char text[static RANDOM_TEXT_MAX]);
void random_command_make(struct random_command *command, uint64_t *state);

void random_policy_evaluate(const struct random_policy *policy,
	const struct random_command *command, struct stoq_guard_decision *decision);
