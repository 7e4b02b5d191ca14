// SPDX-License-Identifier: BSD-2-Clause
#include "guard/connecting.h"

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

/* The classes that a condition's names may have: its own, and those of longer patterns. */
static bool belongs(const struct stoq_guard_names *names,
	const struct stoq_guard_condition *condition, uint32_t class)
{
	uint32_t wanted = stoq_guard_class_of_condition(names, condition);

	if (!condition->length || class == wanted)
		return true;
	while (condition->prefix && class >= STOQ_GUARD_CLASS_FIRST) {
		class = names->patterns[class - STOQ_GUARD_CLASS_FIRST].parent;
		if (class == wanted)
			return true;
	}
	return false;
}

static bool search_subsystems(
	struct search *search, uint16_t host, const struct stoq_guard_condition *subsystem)
{
	const struct stoq_guard_names *names = &search->compiled->subsystems;

	for (uint32_t class = 0; class < STOQ_GUARD_CLASS_FIRST + names->count; class ++)
		if (class != STOQ_GUARD_CLASS_UNKNOWN && belongs(names, subsystem, class) &&
			try_pair(search, host, (uint16_t) class))
			return true;
	return false;
}

/* Conditions without text: all names. */
static bool connects(const struct stoq_guard_compiled *compiled,
	const struct stoq_guard_condition *host, const struct stoq_guard_condition *subsystem,
	char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	const struct stoq_guard_names *names = &compiled->hosts;
	struct search search = {.compiled = compiled};

	for (uint32_t class = 0; class < STOQ_GUARD_CLASS_FIRST + names->count; class ++)
		if (class != STOQ_GUARD_CLASS_UNKNOWN && belongs(names, host, class) &&
			search_subsystems(&search, (uint16_t) class, subsystem))
			return true;
	name_refused(&search, refused);
	return false;
}

bool stoq_guard_anyone_connects(
	const struct stoq_guard_compiled *compiled, char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	static const struct stoq_guard_condition all;

	return connects(compiled, &all, &all, refused);
}

bool stoq_guard_rule_connects(const struct stoq_guard_compiled *compiled,
	const struct stoq_guard_rule *rule, char refused[static STOQ_GUARD_REFUSED_TEXT])
{
	return connects(compiled, &rule->host, &rule->subsystem, refused);
}
