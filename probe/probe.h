/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What this machine can do: found by trying and by asking the kernel, not by version numbers.
 * Nothing is left changed, and nothing needs root; what cannot be seen without it is said to be
 * unknown, with the reason.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum stoq_probe_answer { STOQ_PROBE_NO = 0, STOQ_PROBE_YES, STOQ_PROBE_UNKNOWN };

/* One thing that is there or is not. Texts may be empty. */
struct stoq_probe_fact {
	char topic[16]; /* "kernel", "process", "bpf", "interface", ...: doc/probe.md lists them */
	char subject[16]; /* an interface's name */
	char name[32];
	enum stoq_probe_answer answer;
	char value[128];  /* what it is, or how much */
	char why[224];	  /* not yes: the reason */
	char remedy[256]; /* the command or setting that would change it */
};

/* What the process that looks may do: sets of capabilities, by their numbers. */
struct stoq_probe_rights {
	uint64_t effective, bounding;
	uint64_t usable; /* what the kernel will accept of it for BPF */
	bool root, no_new, in_user_namespace;
};

struct stoq_probe {
	struct stoq_probe_fact *facts;
	size_t count;
	/* While it is made. */
	const char *root, *topic, *subject;
	struct stoq_probe_rights rights;
	size_t capacity;
	bool out_of_memory;
};

/*
 * Looks. root: where /proc, /sys, /dev and /lib are, "" for the real ones; with another root
 * only files are read, and nothing is tried on the kernel. 0 or -ENOMEM.
 */
int stoq_probe_run(struct stoq_probe *probe, const char *root, struct stoq_error *error);
void stoq_probe_free(struct stoq_probe *probe);

/* The fact with this topic, subject ("" for none) and name; NULL: there is none. */
const struct stoq_probe_fact *stoq_probe_find(
	const struct stoq_probe *probe, const char *topic, const char *subject, const char *name);

/* "no", "yes", "unknown". */
const char *stoq_probe_answer_name(enum stoq_probe_answer answer);
