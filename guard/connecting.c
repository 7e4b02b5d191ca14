// SPDX-License-Identifier: BSD-2-Clause
#include "guard/connecting.h"

#include <stdint.h>
#include <stdio.h>

#include "nvme/nvme_names.h"

/*
 * What Linux' and SPDK's hosts send before the first block is read, and what each needs to succeed
 * (drivers/nvme/host/fabrics.c and core.c; lib/nvme/nvme_ctrlr.c). Keep Alive: without it the
 * controller ends the association.
 */
static const struct {
	uint8_t table;
	uint8_t code;
} needed[] = {
	{STOQ_GUARD_FABRICS, 0x01}, /* Connect */
	{STOQ_GUARD_FABRICS, 0x04}, /* Property Get */
	{STOQ_GUARD_FABRICS, 0x00}, /* Property Set */
	{STOQ_GUARD_ADMIN, NVME_ADMIN_IDENTIFY},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_SET_FEATURES},
	{STOQ_GUARD_ADMIN, NVME_ADMIN_KEEP_ALIVE},
};
#define NEEDED (sizeof(needed) / sizeof(needed[0]))

/* Decisions after which an answer is given up: a second's work. */
#define DECISIONS_MAX 8000000

/* A pair of ends, and how many of the needed commands it may send before one is refused. */
struct pair {
	uint16_t host, subsystem;
	size_t allowed;
};

struct search {
	const struct stoq_guard_compiled *compiled;
	struct pair best;
	uint64_t decisions;
};

static bool allows(const struct search *search, const struct pair *pair, size_t command)
{
	struct stoq_guard_request request = {
		.host_class = pair->host, .subsystem_class = pair->subsystem};
	struct stoq_guard_decision decision;

	stoq_guard_request_set(
		search->compiled, &request, needed[command].table, needed[command].code, 0);
	stoq_guard_decide(search->compiled, &request, &decision);
	return decision.verdict == STOQ_GUARD_ALLOW;
}

/* True: the search is over. */
static bool try_pair(struct search *search, uint16_t host, uint16_t subsystem)
{
	struct pair pair = {.host = host, .subsystem = subsystem};

	while (pair.allowed < NEEDED && allows(search, &pair, pair.allowed))
		pair.allowed++;
	search->decisions += pair.allowed + 1;
	if (pair.allowed > search->best.allowed || search->decisions == pair.allowed + 1)
		search->best = pair;
	return pair.allowed == NEEDED || search->decisions > DECISIONS_MAX;
}

static void name_refused(const struct search *search, char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	char buffer[NVME_NAME_LENGTH];
	size_t used = 0;

	refused[0] = '\0';
	for (size_t i = 0; i < NEEDED && used < STOQ_GUARD_REFUSED_TEXT; i++) {
		bool fabrics = needed[i].table == STOQ_GUARD_FABRICS;

		if (allows(search, &search->best, i))
			continue;
		used += (size_t)snprintf(refused + used, STOQ_GUARD_REFUSED_TEXT - used, "%s%s",
			used ? ", " : "",
			nvme_opcode_name(NVME_QUEUE_ADMIN,
				fabrics ? NVME_OPCODE_FABRICS : needed[i].code,
				fabrics ? needed[i].code : 0, buffer));
	}
}

/* ---- which pairs ---- */

#define ANY_RULE SIZE_MAX

/* Whether names of this class meet the rule's condition. */
static bool belongs(const struct stoq_guard_names *names, size_t rule, uint32_t class)
{
	return rule == ANY_RULE || (names->sets[class].words[rule / 64] >> (rule % 64) & 1);
}

static uint32_t class_count(const struct stoq_guard_names *names)
{
	return STOQ_GUARD_CLASS_FIRST + names->count + names->group_count;
}

static bool search_subsystems(struct search *search, uint16_t host, size_t rule)
{
	const struct stoq_guard_names *names = &search->compiled->subsystems;

	for (uint32_t class = 0; class < class_count(names); class ++)
		if (class != STOQ_GUARD_CLASS_UNKNOWN && belongs(names, rule, class) &&
			try_pair(search, host, (uint16_t) class))
			return true;
	return false;
}

static bool connects(const struct stoq_guard_compiled *compiled, size_t rule,
	char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	const struct stoq_guard_names *names = &compiled->hosts;
	struct search search = {.compiled = compiled};

	for (uint32_t class = 0; class < class_count(names); class ++)
		if (class != STOQ_GUARD_CLASS_UNKNOWN && belongs(names, rule, class) &&
			search_subsystems(&search, (uint16_t) class, rule))
			return true;
	name_refused(&search, refused);
	return false;
}

bool stoq_guard_anyone_connects(
	const struct stoq_guard_compiled *compiled, char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	return connects(compiled, ANY_RULE, refused);
}

bool stoq_guard_rule_connects(const struct stoq_guard_compiled *compiled, size_t rule,
	char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	return connects(compiled, rule, refused);
}
