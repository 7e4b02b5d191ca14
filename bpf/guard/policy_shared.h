/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * A guard policy, compiled: what guard/compile.c makes of a policy file and bpf/guard/engine.h
 * decides by. One plain struct without pointers, so that it is the value of a map as it is.
 * A condition of a rule is a bit in a set: rule N is bit N, and the rules that match a command
 * are what is in all six sets that the command's host, subsystem, opcode, namespace, first block
 * and last block choose.
 */
#include "nvme/nvme_types.h"

#define STOQ_GUARD_RULES_MAX	  1000
#define STOQ_GUARD_NAMESPACES_MAX 1000 /* different ones in a policy */
#define STOQ_GUARD_PATTERNS_MAX	  1000 /* different ones of hosts; the same of subsystems */
#define STOQ_GUARD_NO_RULE	  0xffff

/* ---- sets of rules ---- */

#define STOQ_GUARD_WORDS 16

struct stoq_guard_set {
	__u64 words[STOQ_GUARD_WORDS];
	__u64 summary; /* bit w: words[w] is not 0 */
};
NVME_ASSERT_SIZE(struct stoq_guard_set, 136);

/* ---- names ---- */

#define STOQ_GUARD_NQN_WORDS 28 /* room for NVME_NQN_MAX bytes and a NUL */
#define STOQ_GUARD_NQN_BYTES (STOQ_GUARD_NQN_WORDS * 8)

/* Text in words, padded with 0, the first byte on top: texts compare as their words do. */
struct stoq_guard_nqn {
	__u64 words[STOQ_GUARD_NQN_WORDS];
	__u32 length; /* STOQ_GUARD_NQN_BYTES: too long to be an NQN; only a prefix matches it */
	__u32 found;  /* where stoq_guard_classify() is */
};
NVME_ASSERT_SIZE(struct stoq_guard_nqn, 232);

struct stoq_guard_pattern {
	struct stoq_guard_nqn text;
	__u16 prefix; /* matches all names that begin with text, else only text itself */
	__u16 parent; /* class of the longest prefix pattern that this text begins with, or OTHER */
	__u32 pad;
};
NVME_ASSERT_SIZE(struct stoq_guard_pattern, 240);

/*
 * Whole names of lists, by the thousand: their texts, in words as in struct stoq_guard_nqn, one behind the
 * other, each with the NUL that ends it. A name that is here has the class here, whatever patterns match it.
 */
#define STOQ_GUARD_LISTED_MAX 16383
#define STOQ_GUARD_POOL_WORDS 98304

struct stoq_guard_listed {
	__u32 count;
	__u32 used;			     /* words of pool */
	__u32 at[STOQ_GUARD_LISTED_MAX + 1]; /* where a text begins; sorted by text */
	__u16 class[STOQ_GUARD_LISTED_MAX + 1];
	__u64 pool[STOQ_GUARD_POOL_WORDS + STOQ_GUARD_NQN_WORDS];
};

/* The class of a name: which rules its host (or subsystem) condition lets through. */
enum stoq_guard_class {
	STOQ_GUARD_CLASS_OTHER = 0,   /* no pattern matches */
	STOQ_GUARD_CLASS_UNKNOWN = 1, /* the connection's Connect was not seen */
	STOQ_GUARD_CLASS_FIRST = 2, /* pattern 0 is the longest that matches, and so on; behind the
					 patterns, those of listed names */
};
#define STOQ_GUARD_CLASSES (STOQ_GUARD_CLASS_FIRST + STOQ_GUARD_PATTERNS_MAX)

struct stoq_guard_names {
	__u32 count;	   /* of patterns */
	__u32 group_count; /* of classes that listed names have */
	struct stoq_guard_pattern patterns[STOQ_GUARD_PATTERNS_MAX]; /* sorted; a prefix first */
	struct stoq_guard_set sets[STOQ_GUARD_CLASSES];
	struct stoq_guard_listed listed;
};

/* ---- commands ---- */

enum stoq_guard_table {
	STOQ_GUARD_ADMIN = 0,	/* by opcode */
	STOQ_GUARD_IO = 1,	/* by opcode */
	STOQ_GUARD_FABRICS = 2, /* by fctype, on either kind of queue */
	STOQ_GUARD_TABLES = 3,
};

/* Which logical blocks a command touches, by what can be read from its submission entry. */
enum stoq_guard_touches {
	STOQ_GUARD_TOUCHES_NONE = 0,
	STOQ_GUARD_TOUCHES_RANGE = 1,	  /* SLBA and a count */
	STOQ_GUARD_TOUCHES_LIST = 2,	  /* ranges in its data, or where the controller chooses */
	STOQ_GUARD_TOUCHES_NAMESPACE = 3, /* all of the namespace */
	STOQ_GUARD_TOUCHES_SUBSYSTEM = 4, /* all namespaces, whatever NSID it carries */
};

/* ---- namespaces ---- */

#define STOQ_GUARD_NSID_ALL	   0xffffffffu
#define STOQ_GUARD_NAMESPACE_SLOTS 4096 /* of the hash table */
#define STOQ_GUARD_PROBES	   16	/* the compiler finds a seed that needs no more */

enum stoq_guard_space {
	STOQ_GUARD_SPACE_OTHER = 0, /* a namespace that no rule names, or none */
	STOQ_GUARD_SPACE_ALL = 1,   /* NSID FFFFFFFFh */
	STOQ_GUARD_SPACE_FIRST = 2,
};
#define STOQ_GUARD_SPACES (STOQ_GUARD_SPACE_FIRST + STOQ_GUARD_NAMESPACES_MAX)

struct stoq_guard_namespace {
	__u32 nsid; /* 0: free */
	__u32 space;
};

static inline __u32 stoq_guard_hash_nsid(__u32 nsid, __u32 seed)
{
	return ((nsid ^ seed) * 0x9e3779b1u) >> 20;
}

/* ---- blocks ---- */

#define STOQ_GUARD_EDGES 1024 /* a power of two, above STOQ_GUARD_RULES_MAX: one for each rule */

enum stoq_guard_interval {
	STOQ_GUARD_INTERVAL_NONE = 0,  /* no blocks: only rules without a range match */
	STOQ_GUARD_INTERVAL_FIRST = 1, /* up to edges[0]; then up to edges[1], and so on */
};
#define STOQ_GUARD_INTERVALS (STOQ_GUARD_INTERVAL_FIRST + STOQ_GUARD_RULES_MAX + 1)

/*
 * Which rules a block lets match: as the first one of a command, or as the last one. Between two
 * edges they are the same. Refusing and logging rules match what touches their range: what begins
 * before its end, and ends behind its beginning. Allowing rules match what lies in it as a whole.
 */
struct stoq_guard_intervals {
	__u64 edges[STOQ_GUARD_EDGES]; /* ascending; those that are not used: the highest number */
	struct stoq_guard_set sets[STOQ_GUARD_INTERVALS];
};

/* ---- rules ---- */

enum stoq_guard_verdict {
	STOQ_GUARD_ALLOW = 0,
	STOQ_GUARD_DENY = 1,
	STOQ_GUARD_LOG = 2, /* of a rule only: report the command, and go on */
};

struct stoq_guard_rule_entry {
	__u16 status_write; /* NVME_STATUS(); of a refused command that can change data, ... */
	__u16 status_other; /* ... and of any other */
	__u8 verdict;
	__u8 pad[3];
};
NVME_ASSERT_SIZE(struct stoq_guard_rule_entry, 8);

/* ---- the policy ---- */

/* A host whose NQN another machine has. */
enum stoq_guard_clones {
	STOQ_GUARD_CLONES_LOG = 0,
	STOQ_GUARD_CLONES_REFUSE = 1, /* its Connect, too */
};

struct stoq_guard_compiled {
	/* The front, up to `strict`, stays as it is: other versions' tools read it. */
	__u64 hash; /* of all the rest; distinguishes policies */
	__u32 rule_count;
	__u32 namespace_seed;
	__u8 default_verdict; /* ALLOW or DENY */
	__u8 strict;
	__u8 clones; /* enum stoq_guard_clones */
	__u8 pad;
	__u16 default_status_write;
	__u16 default_status_other;
	__u64 changes_data[STOQ_GUARD_TABLES][4]; /* a bit per command: status_write applies */
	__u8 touches[STOQ_GUARD_TABLES][256];	  /* enum stoq_guard_touches */
	__u64 ranged;		   /* a bit for each word of a set that has rules with a range */
	struct stoq_guard_set log; /* the rules whose verdict is LOG */
	struct stoq_guard_intervals firsts;
	struct stoq_guard_intervals lasts;
	struct stoq_guard_names hosts;
	struct stoq_guard_names subsystems;
	struct stoq_guard_set commands[STOQ_GUARD_TABLES][256];
	struct stoq_guard_namespace namespaces[STOQ_GUARD_NAMESPACE_SLOTS];
	struct stoq_guard_set spaces[STOQ_GUARD_SPACES];
	struct stoq_guard_rule_entry rules[STOQ_GUARD_WORDS * 64];
};
/* KMALLOC_MAX_SIZE, which bounds the value of an array (kernel/bpf/arraymap.c). */
_Static_assert(sizeof(struct stoq_guard_compiled) < (4 << 20) - 64, "the value of a map");
_Static_assert(STOQ_GUARD_RULES_MAX <= STOQ_GUARD_WORDS * 64, "a bit for every rule");

/* ---- a command, and what is decided about it ---- */

/*
 * Made by stoq_guard_request_set() and stoq_guard_request_range(), but for the classes. Blocks
 * that are not to be seen can be any: lba_first is 0 then, and lba_last the highest number.
 */
struct stoq_guard_request {
	__u64 lba_first;
	__u64 lba_last;
	__u64 no_ranges; /* 1: it touches no blocks, and rules with a range do not match; else 0 */
	__u32 nsid;
	__u16 host_class;
	__u16 subsystem_class;
	__u16 space; /* of nsid */
	__u8 table;  /* enum stoq_guard_table */
	__u8 code;   /* opcode or fctype */
	__u32 word;  /* this and the rest: where stoq_guard_decide() is */
	__u64 words;
	__u64 rules;
	__u64 leave_log;
};
NVME_ASSERT_SIZE(struct stoq_guard_request, 64);

struct stoq_guard_decision {
	__u16 rule;	/* that decides, or STOQ_GUARD_NO_RULE: the default */
	__u16 log_rule; /* the first log rule before it that matches, or STOQ_GUARD_NO_RULE */
	__u16 status;	/* NVME_STATUS() if denied, else 0 */
	__u8 verdict;	/* ALLOW or DENY */
	__u8 pad;
};
NVME_ASSERT_SIZE(struct stoq_guard_decision, 8);
