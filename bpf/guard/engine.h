/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * The guard's rule engine: pure functions over a compiled policy, the same for user space and
 * BPF. Every loop is bounded by a constant, and every index is bounded before use, in a way
 * that the verifier follows. How it works, and why so: doc/design/guard-engine.md.
 */
#include "bpf/guard/policy_shared.h"
#include "nvme/nvme.h"

/*
 * Position of the lowest bit of x, which is not 0. BPF has no instruction for it; each bit,
 * times a de Bruijn sequence, has six bits of its own on top. No branch: after one the verifier
 * would follow each position by itself.
 */
static const __u8 stoq_guard_bit_positions[64] = {
	0,
	1,
	48,
	2,
	57,
	49,
	28,
	3,
	61,
	58,
	50,
	42,
	38,
	29,
	17,
	4,
	62,
	55,
	59,
	36,
	53,
	51,
	43,
	22,
	45,
	39,
	33,
	30,
	24,
	18,
	12,
	5,
	63,
	47,
	56,
	27,
	60,
	41,
	37,
	16,
	54,
	35,
	52,
	21,
	44,
	32,
	23,
	11,
	46,
	26,
	40,
	15,
	34,
	20,
	31,
	10,
	25,
	14,
	19,
	9,
	13,
	8,
	7,
	6,
};
static inline __u32 stoq_guard_lowest_bit(__u64 x)
{
	return stoq_guard_bit_positions[((x & -x) * 0x03f79d71b4cb0a89ull) >> 58] & 63;
}

/*
 * Hides from the compiler the bounds of a value, so that a check stays which only the verifier
 * needs: that of 6.1 loses the bounds of values joined from bits.
 */
#define STOQ_GUARD_OPAQUE(value) __asm__ volatile("" : "+r"(value))

/* ---- names: once per connection ---- */

/* From a field of Connect data: what follows the first NUL does not count. */
static inline __attribute__((always_inline)) void stoq_guard_nqn_load(
	struct stoq_guard_nqn *nqn, const char text[STOQ_GUARD_NQN_BYTES])
{
	__u64 live = 0xff; /* 0 behind the first NUL */
	__u32 length = 0;

	for (__u32 word = 0; word < STOQ_GUARD_NQN_WORDS; word++) {
		__u64 value = 0;

		for (__u32 byte = 0; byte < 8; byte++) {
			__u64 c = (__u8)text[word * 8 + byte] & live;

			/* Without a branch: after each the verifier would follow both ways. */
			live &= 0 - ((c + 0xff) >> 8);
			length += (c + 0xff) >> 8;
			value = value << 8 | c;
		}
		nqn->words[word] = value;
	}
	nqn->length = length;
	nqn->found = 0;
}

/* Number of bytes in which a and b begin alike; *above: a sorts above b. */
static inline __u32 stoq_guard_nqn_compare(
	const struct stoq_guard_nqn *a, const struct stoq_guard_nqn *b, __u32 *above)
{
	for (__u32 word = 0; word < STOQ_GUARD_NQN_WORDS; word++) {
		__u64 x = a->words[word], y = b->words[word];
		__u64 difference = x ^ y;
		__u32 alike = word * 8;

		if (!difference)
			continue;
		*above = x > y;
		alike += !(difference >> 32) << 2;
		difference >>= 32 * !!(difference >> 32);
		alike += !(difference >> 16) << 1;
		difference >>= 16 * !!(difference >> 16);
		return alike + !(difference >> 8);
	}
	*above = 0;
	return STOQ_GUARD_NQN_BYTES;
}

/*
 * Number of patterns that do not sort above nqn, by binary search. It is kept behind a pointer,
 * for the reason that stoq_guard_decide() has.
 */
static inline __u32 stoq_guard_count_up_to(
	const struct stoq_guard_names *names, struct stoq_guard_nqn *nqn)
{
	volatile __u32 *found = &nqn->found;

	*found = 0;
	for (__u32 step = 512; step; step >>= 1) {
		__u64 index = *found + step - 1;
		__u32 above;

		STOQ_GUARD_OPAQUE(index);
		if (index >= STOQ_GUARD_PATTERNS_MAX || index >= names->count)
			continue;
		stoq_guard_nqn_compare(&names->patterns[index].text, nqn, &above);
		if (!above)
			*found = index + 1;
	}
	return *found;
}
_Static_assert(STOQ_GUARD_PATTERNS_MAX < 1024, "steps of 512 and less find one");

static inline int stoq_guard_pattern_matches(
	const struct stoq_guard_pattern *pattern, const struct stoq_guard_nqn *nqn, __u32 alike)
{
	return alike >= pattern->text.length &&
	       (pattern->prefix || pattern->text.length == nqn->length);
}

enum stoq_guard_order {
	STOQ_GUARD_BELOW,
	STOQ_GUARD_EQUAL,
	STOQ_GUARD_ABOVE,
};

/* Where the text in the pool stands to the name. */
static inline enum stoq_guard_order stoq_guard_listed_compare(
	const struct stoq_guard_listed *listed, __u64 at, const struct stoq_guard_nqn *nqn)
{
	STOQ_GUARD_OPAQUE(at);
	if (at >= STOQ_GUARD_POOL_WORDS)
		return STOQ_GUARD_ABOVE;
	for (__u32 word = 0; word < STOQ_GUARD_NQN_WORDS; word++) {
		__u64 x = listed->pool[at + word], y = nqn->words[word];

		if (x != y)
			return x > y ? STOQ_GUARD_ABOVE : STOQ_GUARD_BELOW;
		if (!(x & 0xff))
			return STOQ_GUARD_EQUAL; /* both end here */
	}
	return STOQ_GUARD_BELOW;
}

/* The class of a name that stands in a list; OTHER: it does not. As with patterns. */
static inline __u32 stoq_guard_listed_class(
	const struct stoq_guard_listed *listed, struct stoq_guard_nqn *nqn)
{
	volatile __u32 *found = &nqn->found;

	*found = 0;
	for (__u32 step = (STOQ_GUARD_LISTED_MAX + 1) / 2; step; step >>= 1) {
		__u64 index = *found + step - 1;
		enum stoq_guard_order order;

		STOQ_GUARD_OPAQUE(index);
		if (index >= STOQ_GUARD_LISTED_MAX || index >= listed->count)
			continue;
		order = stoq_guard_listed_compare(listed, listed->at[index], nqn);
		if (order == STOQ_GUARD_EQUAL)
			return listed->class[index];
		if (order == STOQ_GUARD_BELOW)
			*found = index + 1;
	}
	return STOQ_GUARD_CLASS_OTHER;
}

/*
 * The class of a name: that of its list, or its longest matching pattern. All patterns that match sort below the
 * name, and between them and the name there are only texts that begin with them. So they are
 * the last pattern that does not sort above the name, and its parents.
 */
static inline __u32 stoq_guard_classify(
	const struct stoq_guard_names *names, struct stoq_guard_nqn *nqn)
{
	__u32 listed = stoq_guard_listed_class(&names->listed, nqn), index, alike, above;

	if (listed != STOQ_GUARD_CLASS_OTHER)
		return listed;
	index = stoq_guard_count_up_to(names, nqn) - 1;
	if (index >= STOQ_GUARD_PATTERNS_MAX)
		return STOQ_GUARD_CLASS_OTHER;
	alike = stoq_guard_nqn_compare(&names->patterns[index].text, nqn, &above);
	for (__u32 depth = 0; depth <= STOQ_GUARD_NQN_BYTES; depth++) {
		const struct stoq_guard_pattern *pattern = &names->patterns[index];

		if (stoq_guard_pattern_matches(pattern, nqn, alike))
			return STOQ_GUARD_CLASS_FIRST + index;
		index = (__u32)pattern->parent - STOQ_GUARD_CLASS_FIRST;
		if (index >= STOQ_GUARD_PATTERNS_MAX)
			break;
	}
	return STOQ_GUARD_CLASS_OTHER;
}

/* ---- commands ---- */

static inline __attribute__((always_inline)) __u32 stoq_guard_space(
	const struct stoq_guard_compiled *policy, __u32 nsid)
{
	__u32 slot = stoq_guard_hash_nsid(nsid, policy->namespace_seed);

	if (nsid == STOQ_GUARD_NSID_ALL)
		return STOQ_GUARD_SPACE_ALL;
	for (__u32 probe = 0; probe < STOQ_GUARD_PROBES; probe++) {
		const struct stoq_guard_namespace *entry =
			&policy->namespaces[(slot + probe) % STOQ_GUARD_NAMESPACE_SLOTS];

		if (!entry->nsid)
			break;
		if (entry->nsid == nsid)
			return entry->space < STOQ_GUARD_SPACES ? entry->space
								: STOQ_GUARD_SPACE_OTHER;
	}
	return STOQ_GUARD_SPACE_OTHER;
}

/*
 * The command touches these blocks. A range in all namespaces at once is nothing that a rule's
 * range could be compared to: it can be any.
 */
static inline void stoq_guard_request_range(
	struct stoq_guard_request *request, __u64 first, __u64 last)
{
	__u64 any = request->nsid == STOQ_GUARD_NSID_ALL ? ~0ull : 0;

	request->lba_first = first & ~any;
	request->lba_last = last | any;
}

/*
 * What a command asks for: all but the classes. Its blocks can be any (those of Format are all)
 * until stoq_guard_request_range() sets them; several ranges are set one after the other, each
 * decided about, and the decisions merged. Returns enum stoq_guard_touches.
 */
static inline __u32 stoq_guard_request_set(const struct stoq_guard_compiled *policy,
	struct stoq_guard_request *request, __u32 table, __u32 code, __u32 nsid)
{
	__u32 touches;

	if (table >= STOQ_GUARD_TABLES)
		table = STOQ_GUARD_ADMIN;
	touches = policy->touches[table][code & 0xff];
	if (table == STOQ_GUARD_FABRICS)
		nsid = 0;
	if (touches == STOQ_GUARD_TOUCHES_SUBSYSTEM)
		nsid = STOQ_GUARD_NSID_ALL;
	request->table = table;
	request->code = code;
	request->nsid = nsid;
	request->space = stoq_guard_space(policy, nsid);
	request->no_ranges = touches == STOQ_GUARD_TOUCHES_NONE;
	stoq_guard_request_range(request, 0, ~0ull);
	return touches;
}

/*
 * On a connection whose queue is not known a command has to be allowed on either kind. These do no harm as admin commands, and no I/O
 * command set has them: they are judged as such.
 */
static inline __attribute__((always_inline)) int stoq_guard_is_idle_talk(__u8 opcode)
{
	return opcode == NVME_ADMIN_IDENTIFY || opcode == NVME_ADMIN_GET_FEATURES ||
	       opcode == NVME_ADMIN_KEEP_ALIVE;
}

/*
 * A Copy whose sources are in namespaces that its list names (descriptor formats 2h and 3h, NVM Command Set 1.1, Copy), or in a format that
 * is not known here.
 */
static inline __attribute__((always_inline)) int stoq_guard_copies_from_others(
	__u32 table, const struct nvme_sqe *sqe)
{
	return table == STOQ_GUARD_IO && sqe->opcode == NVME_NVM_COPY &&
	       nvme_sqe_copy_format(sqe) >= NVME_COPY_FORMAT_NSID;
}

/*
 * The same from a submission queue entry, with the range of commands that have one there. What a list names counts as
 * every namespace until it is seen.
 */
static inline __u32 stoq_guard_request_from_sqe(const struct stoq_guard_compiled *policy,
	struct stoq_guard_request *request, enum nvme_queue_kind kind, const struct nvme_sqe *sqe)
{
	__u32 table = kind == NVME_QUEUE_IO ? STOQ_GUARD_IO : STOQ_GUARD_ADMIN;
	__u32 code = sqe->opcode, nsid = nvme_le32(sqe->nsid), touches;
	__u64 first = nvme_sqe_slba(sqe), last = first + (nvme_sqe_block_count(sqe) - 1);

	if (code == NVME_OPCODE_FABRICS) { /* the fabrics type stands where the NSID would */
		table = STOQ_GUARD_FABRICS;
		code = nsid & 0xff;
	}
	if (stoq_guard_copies_from_others(table, sqe))
		nsid = STOQ_GUARD_NSID_ALL;
	touches = stoq_guard_request_set(policy, request, table, code, nsid);
	if (touches != STOQ_GUARD_TOUCHES_RANGE)
		return touches;
	if (nvme_sqe_is_whole_namespace(sqe))
		return STOQ_GUARD_TOUCHES_NAMESPACE;
	stoq_guard_request_range(request, first, last < first ? ~0ull : last);
	return touches;
}

static inline __u64 stoq_guard_changes_data(
	const struct stoq_guard_compiled *policy, __u32 table, __u32 code)
{
	return policy->changes_data[table][(code >> 6) & 3] >> (code & 63) & 1;
}

/*
 * 1 if a < b, else 0. No branch, for the verifier would follow both ways; nor all bits in place of
 * 1: that of 6.18 would take them for a branch.
 */
static inline __attribute__((always_inline)) __u64 stoq_guard_below(__u64 a, __u64 b)
{
	return ((~a & b) | ((~a | b) & (a - b))) >> 63;
}

/* Which set a block chooses: by how many edges are before it. */
static inline __attribute__((always_inline)) __u64 stoq_guard_interval(
	const struct stoq_guard_intervals *intervals, __u64 block)
{
	__u64 found = 0;

#pragma GCC unroll 10
	for (__u32 step = STOQ_GUARD_EDGES / 2; step; step >>= 1) {
		const __u64 *edges = &intervals->edges[found];
		__u64 more = step * stoq_guard_below(edges[step - 1], block);

		/* Else the compiler joins bits in place of adding, and 6.1 loses the bounds. */
		STOQ_GUARD_OPAQUE(more);
		found += more;
	}
	return STOQ_GUARD_INTERVAL_FIRST + found;
}
_Static_assert(STOQ_GUARD_RULES_MAX < STOQ_GUARD_EDGES, "the last edge is never one of a rule");

static inline void stoq_guard_take_default(const struct stoq_guard_compiled *policy, __u64 changes,
	struct stoq_guard_decision *decision)
{
	decision->verdict = policy->default_verdict;
	decision->status = changes ? policy->default_status_write : policy->default_status_other;
}

/* At most: every word, one log rule, and the end. */
#define STOQ_GUARD_STEPS (STOQ_GUARD_WORDS + 2)

/*
 * Decides about one command, or about one of the ranges that it touches: a command with several
 * is denied if one of them is. Classes, table and space that do not exist: denied.
 *
 * In BPF call it from a global function that has these arguments. Where it is in the sets is
 * kept in the request, behind a pointer that the verifier does not look behind: kept in
 * registers, every value that could choose a rule would be a state to follow by itself.
 */
static inline void stoq_guard_decide(const struct stoq_guard_compiled *policy,
	volatile struct stoq_guard_request *request, struct stoq_guard_decision *decision)
{
	const struct stoq_guard_set *host, *subsystem, *command, *space, *first, *last;
	__u32 host_class = request->host_class, subsystem_class = request->subsystem_class;
	__u32 space_index = request->space, table = request->table, code = request->code;
	__u64 first_index = STOQ_GUARD_INTERVAL_NONE, last_index = STOQ_GUARD_INTERVAL_NONE;
	__u64 changes, candidates;

	*decision = (struct stoq_guard_decision){
		.rule = STOQ_GUARD_NO_RULE,
		.log_rule = STOQ_GUARD_NO_RULE,
		.status = NVME_STATUS(0, 0x06), /* Internal Error */
		.verdict = STOQ_GUARD_DENY,
	};
	if (host_class >= STOQ_GUARD_CLASSES || subsystem_class >= STOQ_GUARD_CLASSES ||
		space_index >= STOQ_GUARD_SPACES || table >= STOQ_GUARD_TABLES)
		return;
	host = &policy->hosts.sets[host_class];
	subsystem = &policy->subsystems.sets[subsystem_class];
	command = &policy->commands[table][code];
	space = &policy->spaces[space_index];
	candidates = host->summary & subsystem->summary & command->summary & space->summary;
	if (!request->no_ranges && (candidates & policy->ranged)) {
		first_index = stoq_guard_interval(&policy->firsts, request->lba_first);
		last_index = stoq_guard_interval(&policy->lasts, request->lba_last);
	}
	if (first_index >= STOQ_GUARD_INTERVALS || last_index >= STOQ_GUARD_INTERVALS)
		return;
	first = &policy->firsts.sets[first_index];
	last = &policy->lasts.sets[last_index];
	changes = stoq_guard_changes_data(policy, table, code);
	request->words = candidates & first->summary & last->summary;
	request->rules = 0;
	request->leave_log = 0;
	for (__u32 step = 0; step < STOQ_GUARD_STEPS; step++) {
		const struct stoq_guard_rule_entry *rule;
		__u64 rules = request->rules, words = request->words, index;
		__u32 word;

		if (!rules && !words) {
			stoq_guard_take_default(policy, changes, decision);
			return;
		}
		if (!rules) {
			word = stoq_guard_lowest_bit(words) % STOQ_GUARD_WORDS;
			request->word = word;
			request->words = words & (words - 1);
			request->rules = host->words[word] & subsystem->words[word] &
					 command->words[word] & space->words[word] &
					 first->words[word] & last->words[word] &
					 ~(policy->log.words[word] & request->leave_log);
			continue;
		}
		word = request->word % STOQ_GUARD_WORDS;
		index = (__u64)word * 64 + stoq_guard_lowest_bit(rules);
		STOQ_GUARD_OPAQUE(index);
		if (index >= STOQ_GUARD_WORDS * 64)
			return;
		rule = &policy->rules[index];
		if (rule->verdict == STOQ_GUARD_LOG) {
			decision->log_rule = index;
			request->leave_log = ~0ull;
			request->rules = rules & ~policy->log.words[word];
			continue;
		}
		decision->rule = index;
		decision->verdict = rule->verdict;
		decision->status = changes ? rule->status_write : rule->status_other;
		return;
	}
}

/* Of two decisions about parts of one command, first the earlier, the one that counts. */
static inline void stoq_guard_merge(
	struct stoq_guard_decision *first, const struct stoq_guard_decision *second)
{
	__u16 log_rule = first->log_rule < second->log_rule ? first->log_rule : second->log_rule;

	if (first->verdict == STOQ_GUARD_ALLOW && second->verdict != STOQ_GUARD_ALLOW)
		*first = *second;
	first->log_rule = log_rule;
}
