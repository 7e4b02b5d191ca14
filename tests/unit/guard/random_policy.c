// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/guard/random_policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "nvme/nvme_names.h"

uint32_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) | 1u << 31;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (random_next(state) & 0x7fffffff) % limit;
}

/* ---- policies ---- */

static const char *const commands[] = {"reads", "writes", "destructive", "admin", "Read", "Write",
	"write-zeroes", "Dataset Management", "Copy", "Flush", "Format NVM", "Sanitize", "Identify",
	"Connect", "Keep Alive", "Zone Append"};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Few letters, so that names often begin alike, on either side of a word's end too. */
static void make_name(char *name, uint64_t *state, bool pattern)
{
	size_t length = below(state, 5);
	char *to =
		name + sprintf(name, "%s", below(state, 2) ? "nqn.2014-08.a:" : "nqn.2014-08.ab");

	for (size_t i = 0; i < length; i++)
		*to++ = "ab"[below(state, 2)];
	if (pattern && below(state, 2))
		*to++ = '*';
	*to = '\0';
}

/* So close that ranges touch, nest and lie side by side; at either end of what there can be, too.
 */
static void make_range(uint64_t *first, uint64_t *last, uint64_t *state)
{
	static const uint64_t near[] = {0, 0, 0, 0, 0, UINT32_MAX - 20, UINT64_MAX - 40};
	static const uint32_t blocks[] = {1, 2, 8, 20, 60};

	*first = near[below(state, 7)] + below(state, 41);
	*last = *first + below(state, blocks[below(state, 5)]);
	if (*last < *first || below(state, 40) == 0)
		*last = UINT64_MAX;
}

static void make_rule(struct random_rule *rule, uint64_t *state)
{
	*rule = (struct random_rule){.verdict = (int)below(state, 3)};
	if (below(state, 3) == 0)
		make_name(rule->host, state, true);
	if (rule->host[0] && below(state, 2))
		make_name(rule->other_host, state, true);
	rule->named_list = rule->other_host[0] && below(state, 2);
	if (below(state, 4) == 0)
		make_name(rule->subsystem, state, true);
	if (below(state, 2))
		rule->nsid_count = 1 + below(state, 3);
	for (size_t i = 0; i < rule->nsid_count; i++)
		rule->nsids[i] = (uint32_t)(1 + i * 3 + below(state, 3));
	if (below(state, 5))
		rule->command_count = 1 + below(state, 3);
	for (size_t i = 0, at = below(state, COMMANDS); i < rule->command_count; i++)
		rule->commands[i] = commands[(at + i * 5) % COMMANDS];
	rule->has_range = below(state, 2);
	if (rule->has_range)
		make_range(&rule->first, &rule->last, state);
	if (rule->verdict == STOQ_GUARD_DENY && below(state, 3) == 0) {
		rule->status = "Operation Denied";
		rule->status_code = NVME_STATUS(0, 0x15);
	}
}

void random_policy_make(struct random_policy *policy, uint64_t *state, size_t rules_max)
{
	policy->default_verdict = (int)below(state, 2);
	policy->unknown_host = (int)below(state, 2);
	for (size_t i = 0; i < RANDOM_NAMED; i++)
		make_name(policy->named[i], state, true);
	policy->rule_count = below(state, (uint32_t)rules_max + 1);
	for (size_t i = 0; i < policy->rule_count; i++)
		make_rule(&policy->rules[i], state);
}

static size_t write_rule(const struct random_rule *rule, char *text)
{
	static const char *const verdicts[] = {"allow", "deny", "log"};
	char *to = text;

	to += sprintf(to, "  - verdict: %s\n", verdicts[rule->verdict]);
	if (rule->host[0] && rule->other_host[0])
		to += sprintf(to, "    hosts: [\"%s\", \"%s\"%s]\n", rule->host, rule->other_host,
			rule->named_list ? ", named" : "");
	else if (rule->host[0])
		to += sprintf(to, "    host: \"%s\"\n", rule->host);
	if (rule->subsystem[0])
		to += sprintf(to, "    subsystem: \"%s\"\n", rule->subsystem);
	if (rule->nsid_count)
		to += sprintf(to, "    namespaces: [");
	for (size_t i = 0; i < rule->nsid_count; i++)
		to += sprintf(to, "%" PRIu32 "%s", rule->nsids[i],
			i + 1 < rule->nsid_count ? ", " : "]\n");
	if (rule->command_count)
		to += sprintf(to, "    commands:\n");
	for (size_t i = 0; i < rule->command_count; i++)
		to += sprintf(to, "      - %s\n", rule->commands[i]);
	if (rule->has_range)
		to += sprintf(to, "    lba: %" PRIu64 "-%" PRIu64 "\n", rule->first, rule->last);
	if (rule->status)
		to += sprintf(to, "    status: %s\n", rule->status);
	return (size_t)(to - text);
}

/* The list with a name, and where rules begin. */
static size_t write_list(const struct random_policy *policy, char *text, size_t used)
{
	char *to = text + used;

	to += sprintf(to, "host-lists:\n  - name: named\n    hosts:\n");
	for (size_t i = 0; i < RANDOM_NAMED; i++)
		to += sprintf(to, "      - \"%s\"\n", policy->named[i]);
	return (size_t)(to + sprintf(to, "rules:\n") - text);
}

size_t random_policy_write(const struct random_policy *policy, char text[static RANDOM_TEXT_MAX])
{
	char *to = text + sprintf(text, "version: 1\ndefault: %s\nunknown-host: %s\n",
				  policy->default_verdict ? "deny" : "allow",
				  policy->unknown_host ? "deny" : "allow");

	if (policy->rule_count)
		to = text + write_list(policy, text, (size_t)(to - text));
	for (size_t i = 0; i < policy->rule_count; i++)
		to += write_rule(&policy->rules[i], to);
	return (size_t)(to - text);
}

/* ---- commands ---- */

static const uint8_t io_opcodes[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x08, 0x09, 0x0c, 0x0d, 0x19,
	0x1d, 0x79, 0x7a, 0x7d, 0x7f, 0x03, 0x90};
static const uint8_t admin_opcodes[] = {
	0x02, 0x06, 0x09, 0x0d, 0x10, 0x18, 0x1c, 0x20, 0x24, 0x7f, 0x80, 0x81, 0x84, 0xc1};

void random_command_make(struct random_command *command, uint64_t *state)
{
	struct nvme_sqe *sqe = &command->sqe;
	uint64_t first, last;

	memset(command, 0, sizeof(*command));
	command->kind = below(state, 4) ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	sqe->opcode = command->kind == NVME_QUEUE_IO
			      ? io_opcodes[below(state, sizeof(io_opcodes))]
			      : admin_opcodes[below(state, sizeof(admin_opcodes))];
	sqe->nsid = nvme_to_le32(below(state, 12) ? below(state, 11) : UINT32_MAX);
	make_range(&first, &last, state);
	sqe->cdw10 = nvme_to_le32((uint32_t)first);
	sqe->cdw11 = nvme_to_le32((uint32_t)(first >> 32));
	sqe->cdw12 = nvme_to_le32(below(state, 30) | (below(state, 8) ? 0xab4d0000 : 0xabcd0000));
	if (sqe->opcode == 0x19) /* Copy: its descriptor format */
		sqe->cdw12 |= nvme_to_le32(below(state, 6) << 8);
	command->known = below(state, 5) != 0;
	make_name(command->host, state, false);
	make_name(command->subsystem, state, false);
	command->list_seen = below(state, 2);
	command->first = first;
	command->last = last;
}

/* ---- the second opinion ---- */

enum blocks { BLOCKS_NONE, BLOCKS_OWN, BLOCKS_LIST, BLOCKS_ALL, BLOCKS_EVERYWHERE };

/* What the command is, in the words of doc/guard.md. */
struct meaning {
	bool reads, writes, destructive, admin, nameless;
	enum blocks blocks;
};

static struct meaning of_io(uint8_t opcode)
{
	switch (opcode) {
	case 0x02:
	case 0x05:
	case 0x0c:
		return (struct meaning){.reads = true, .blocks = BLOCKS_OWN};
	case 0x01:
	case 0x04:
	case 0x08:
		return (struct meaning){.writes = true, .blocks = BLOCKS_OWN};
	case 0x09:
	case 0x1d:
	case 0x79:
	case 0x7d:
		return (struct meaning){.writes = true, .blocks = BLOCKS_LIST};
	case 0x19:
		return (struct meaning){.reads = true, .writes = true, .blocks = BLOCKS_LIST};
	case 0x7a:
		return (struct meaning){.reads = true, .blocks = BLOCKS_LIST};
	case 0x03:
	case 0x90:
		return (struct meaning){.nameless = true, .blocks = BLOCKS_LIST};
	default:
		return (struct meaning){.blocks = BLOCKS_NONE};
	}
}

static struct meaning of_admin(uint8_t opcode)
{
	switch (opcode) {
	case 0x0d:
	case 0x80:
		return (struct meaning){
			.admin = true, .writes = true, .destructive = true, .blocks = BLOCKS_ALL};
	case 0x20:
	case 0x81:
	case 0x84:
		return (struct meaning){.admin = true,
			.writes = true,
			.destructive = true,
			.blocks = BLOCKS_EVERYWHERE};
	case 0x10:
	case 0x1c:
	case 0x24:
		return (struct meaning){.admin = true, .destructive = true};
	case 0xc1:
		return (struct meaning){
			.admin = true, .nameless = true, .blocks = BLOCKS_EVERYWHERE};
	default:
		return (struct meaning){.admin = true};
	}
}

static bool is_fabrics(const struct random_command *command)
{
	return command->sqe.opcode == 0x7f;
}

static struct meaning meaning_of(const struct random_command *command)
{
	if (is_fabrics(command))
		return (struct meaning){.admin = true};
	return command->kind == NVME_QUEUE_IO ? of_io(command->sqe.opcode)
					      : of_admin(command->sqe.opcode);
}

static bool name_is(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return strncmp(pattern, name, length - 1) == 0;
	return strcmp(pattern, name) == 0;
}

static bool name_passes(const struct random_policy *policy, const struct random_rule *rule,
	const char *pattern, const struct random_command *command, const char *name)
{
	if (!pattern[0])
		return true;
	if (command->known)
		return name_is(pattern, name);
	return rule->verdict == STOQ_GUARD_LOG || rule->verdict == policy->unknown_host;
}

static bool word_is(
	const char *word, bool deny, const struct random_command *command, struct meaning meaning)
{
	char buffer[NVME_NAME_LENGTH];
	const char *name = nvme_opcode_name(
		command->kind, command->sqe.opcode, (uint8_t)nvme_le32(command->sqe.nsid), buffer);

	if (strcmp(word, "reads") == 0)
		return meaning.reads;
	if (strcmp(word, "writes") == 0)
		return meaning.writes || (deny && meaning.nameless);
	if (strcmp(word, "destructive") == 0)
		return meaning.destructive || (deny && meaning.nameless);
	if (strcmp(word, "admin") == 0)
		return meaning.admin;
	if (strcmp(word, "write-zeroes") == 0)
		word = "Write Zeroes";
	return strcasecmp(word, name) == 0;
}

static bool command_passes(const struct random_rule *rule, const struct random_command *command,
	struct meaning meaning)
{
	for (size_t i = 0; i < rule->command_count; i++) {
		if (word_is(rule->commands[i], rule->verdict != STOQ_GUARD_ALLOW, command, meaning))
			return true;
	}
	return rule->command_count == 0;
}

/* A Copy in whose list other namespaces may be named. */
static bool copies_from_anywhere(const struct random_command *command)
{
	return command->kind == NVME_QUEUE_IO && command->sqe.opcode == 0x19 &&
	       (nvme_le32(command->sqe.cdw12) & 0xf00) > 0x100;
}

static bool everywhere(const struct random_command *command, struct meaning meaning)
{
	return !is_fabrics(command) &&
	       (meaning.blocks == BLOCKS_EVERYWHERE || copies_from_anywhere(command) ||
		       nvme_le32(command->sqe.nsid) == UINT32_MAX);
}

static bool namespace_passes(const struct random_rule *rule, const struct random_command *command,
	struct meaning meaning)
{
	if (!rule->nsid_count)
		return true;
	if (everywhere(command, meaning))
		return rule->verdict != STOQ_GUARD_ALLOW;
	for (size_t i = 0; i < rule->nsid_count && !is_fabrics(command); i++) {
		if (rule->nsids[i] == nvme_le32(command->sqe.nsid))
			return true;
	}
	return false;
}

static bool within(const struct random_rule *rule, uint64_t first, uint64_t last)
{
	if (rule->verdict == STOQ_GUARD_ALLOW)
		return rule->first <= first && last <= rule->last;
	return !(last < rule->first || first > rule->last);
}

/* NSZ of a Write Zeroes. */
static bool zeroes_namespace(const struct random_command *command)
{
	return command->kind == NVME_QUEUE_IO && command->sqe.opcode == 0x08 &&
	       (nvme_le32(command->sqe.cdw12) & 0x800000);
}

static bool blocks_pass(const struct random_rule *rule, const struct random_command *command,
	struct meaning meaning)
{
	uint64_t blocks = (nvme_le32(command->sqe.cdw12) & 0xffff) + 1;
	uint64_t first = command->first;

	if (!rule->has_range)
		return true;
	if (meaning.blocks == BLOCKS_NONE)
		return false;
	if (everywhere(command, meaning))
		return rule->verdict != STOQ_GUARD_ALLOW;
	if (meaning.blocks == BLOCKS_LIST && command->list_seen)
		return within(rule, command->first, command->last);
	if (meaning.blocks != BLOCKS_OWN || zeroes_namespace(command))
		return within(rule, 0, UINT64_MAX);
	return within(
		rule, first, blocks - 1 > UINT64_MAX - first ? UINT64_MAX : first + (blocks - 1));
}

/* One of several. */
static bool host_passes(const struct random_policy *policy, const struct random_rule *rule,
	const struct random_command *command)
{
	if (name_passes(policy, rule, rule->host, command, command->host))
		return true;
	if (rule->other_host[0] &&
		name_passes(policy, rule, rule->other_host, command, command->host))
		return true;
	for (size_t i = 0; rule->named_list && i < RANDOM_NAMED; i++)
		if (name_passes(policy, rule, policy->named[i], command, command->host))
			return true;
	return false;
}

static bool passes(const struct random_policy *policy, const struct random_rule *rule,
	const struct random_command *command, struct meaning meaning)
{
	return host_passes(policy, rule, command) &&
	       name_passes(policy, rule, rule->subsystem, command, command->subsystem) &&
	       command_passes(rule, command, meaning) && namespace_passes(rule, command, meaning) &&
	       blocks_pass(rule, command, meaning);
}

static void decide_by(
	struct stoq_guard_decision *decision, int verdict, uint16_t status, struct meaning meaning)
{
	bool changes = meaning.writes || meaning.destructive || meaning.nameless;

	decision->verdict = (uint8_t)verdict;
	if (verdict != STOQ_GUARD_DENY)
		decision->status = 0;
	else if (status)
		decision->status = status;
	else
		decision->status = changes ? NVME_STATUS(0, 0x20) : NVME_STATUS(2, 0x86);
}

void random_policy_evaluate(const struct random_policy *policy,
	const struct random_command *command, struct stoq_guard_decision *decision)
{
	struct meaning meaning = meaning_of(command);

	*decision = (struct stoq_guard_decision){
		.rule = STOQ_GUARD_NO_RULE, .log_rule = STOQ_GUARD_NO_RULE};
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct random_rule *rule = &policy->rules[i];

		if (!passes(policy, rule, command, meaning))
			continue;
		if (rule->verdict == STOQ_GUARD_LOG) {
			if (decision->log_rule == STOQ_GUARD_NO_RULE)
				decision->log_rule = (uint16_t)i;
			continue;
		}
		decision->rule = (uint16_t)i;
		decide_by(decision, rule->verdict, rule->status_code, meaning);
		return;
	}
	decide_by(decision, policy->default_verdict, 0, meaning);
}
