/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Which connections and commands a watch is about. Values of one kind are alternatives; of the kinds that were
 * given, each has to hold. The program leaves out what it can (bpf/stream/filter_shared.h), the rest is left out here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/stream/filter_shared.h"

struct stoq_identity;

enum stoq_filter_kind {
	STOQ_FILTER_HOST,      /* a pattern of NQNs; where the NQN is not known, of addresses */
	STOQ_FILTER_SUBSYSTEM, /* likewise */
	STOQ_FILTER_NAMESPACE, /* its id */
	STOQ_FILTER_OPCODE,    /* "Read", "write-zeroes", "0x81", "admin:0xc1", "fabrics:0x04" */
	STOQ_FILTER_PORT,      /* of either end */
	STOQ_FILTER_ADDRESS,   /* of either end: "192.0.2.1", "192.0.2.0/24", "2001:db8::/32" */
	STOQ_FILTER_KINDS,
};

/* All zero: everything. The texts are the caller's. */
struct stoq_filter {
	const char *given[STOQ_FILTER_KINDS][STOQ_WANTED_MAX];
	unsigned int count[STOQ_FILTER_KINDS];
	struct stoq_wanted_ends ends;
	struct stoq_wanted_commands commands;
};

/* "host", "subsystem", "namespace", "opcode", "port", "address" */
const char *stoq_filter_kind_name(enum stoq_filter_kind kind);

/* One more value. 0 or -EINVAL; the error begins with "--KIND: ". */
int stoq_filter_add(struct stoq_filter *filter, enum stoq_filter_kind kind, const char *text,
	struct stoq_error *error);

bool stoq_filter_is_given(const struct stoq_filter *filter);

/* Whether connections are told apart: one that is not known is not wanted then. */
bool stoq_filter_has_flows(const struct stoq_filter *filter);

/* Whether the program has to do its part: statuses have no namespace, and counts of connections no ends. */
bool stoq_filter_needs_program(const struct stoq_filter *filter);

/* key: NULL: it is not known, and the program has left out what is not wanted. */
bool stoq_filter_wants_flow(const struct stoq_filter *filter, const struct stoq_flow_key *key,
	const struct stoq_identity *identity);
bool stoq_filter_wants_command(const struct stoq_filter *filter, uint32_t nsid, uint8_t opcode,
	uint8_t kind, uint8_t fctype);
/* As far as a status line has it: its opcode. */
bool stoq_filter_wants_opcode(const struct stoq_filter *filter, uint8_t opcode, uint8_t kind);

/* "host *:db7, opcode Read or Write"; "": there is none. */
#define STOQ_FILTER_TEXT 512 /* what is longer is cut, and ends in ".." */
const char *stoq_filter_text(const struct stoq_filter *filter, char text[static STOQ_FILTER_TEXT]);
