/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The tc program of bpf/stream, compiled for this process: what decodes captures is what decodes in
 * the kernel. doc/design/capture.md has the reasons. Time is an argument. There is one of it in a
 * process, as its settings and maps are variables of the program.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/stream/check_shared.h"
#include "bpf/stream/command_shared.h"
#include "bpf/stream/filter_shared.h"
#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stages_shared.h"
#include "capture/digests.h"
#include "capture/packet.h"
#include "flow/tables.h"
#include "nvme/nvme.h"

struct stoq_program;

struct stoq_program_settings {
	struct stoq_table_sizes sizes; /* but for ring_bytes: events are handed on at once */
	uint64_t slow_ns;	       /* as in struct stoq_watch_config */
	bool report_errors;
	bool report_pdus;
	bool keep_details, keep_sizes;
	bool check;		      /* the protocol */
	struct stoq_wanted_ends ends; /* all 0: every one */
	struct stoq_wanted_commands commands;
};

/* 0, -EBUSY (there is one already) or -ENOMEM. */
int stoq_program_open(struct stoq_program **program, const struct stoq_program_settings *settings,
	struct stoq_error *error);
void stoq_program_close(struct stoq_program *program); /* NULL is fine */

/* Who gets events: see enum stoq_event_type. */
void stoq_program_on_event(
	struct stoq_program *program, int (*take)(void *, void *, size_t), void *context);

/* A connection, and a command that ended, as another program of this kind saw them: see record/. */
struct stoq_program_connection {
	struct stoq_flow_key key;
	uint32_t uid;
	bool host_is_a;
	bool connected; /* qid, cntlid and data are known */
	bool closed;
	uint8_t kind;
	uint16_t qid, cntlid;
	struct nvme_connect_data data; /* the names */
};
/* It is seen, or has ended, now. */
void stoq_program_add_connection(struct stoq_program *program,
	const struct stoq_program_connection *connection, uint64_t now_ns);
struct stoq_program_command {
	struct stoq_command command; /* but for start_ns */
	uint32_t uid;
	uint16_t cid;
	uint16_t cqe_status; /* as in a CQE */
	uint64_t latency_ns;
	struct stoq_stages stages; /* all 0: not known */
};
/* It ended now. */
void stoq_program_add_command(
	struct stoq_program *program, const struct stoq_program_command *command, uint64_t now_ns);

/* So many violations of each kind. */
void stoq_program_add_violations(
	struct stoq_program *program, const uint64_t violations[STOQ_VIOLATIONS_ROOM]);

/* now_ns: not before the one of the last packet. */
void stoq_program_run(
	struct stoq_program *program, const struct stoq_capture_packet *packet, uint64_t now_ns);

/* A packet, as the program parses it. False: it is not TCP, or not understood. A program need not be open. */
struct stoq_program_segment {
	struct stoq_flow_key key;
	bool from_a; /* the sender is end a of the key */
	bool syn, ack, fin, rst;
	uint32_t sequence, acknowledged;
	uint32_t length; /* of its part of the sequence: SYN and FIN count as a byte */
};
bool stoq_program_parse(
	const struct stoq_capture_packet *packet, struct stoq_program_segment *segment);

/* Its maps, named as the descriptors in struct stoq_tables are. */
struct stoq_program_tables {
	struct stoq_table *flows, *unproven, *connects, *series, *statuses, *commands, *details,
		*cpus, *tcps;
};
const struct stoq_program_tables *stoq_program_tables(const struct stoq_program *program);

/* What was computed of packets; NULL: the protocol is not checked. */
const struct stoq_digest_counts *stoq_program_digests(const struct stoq_program *program);

/* enum stoq_global. */
const uint32_t *stoq_program_globals(const struct stoq_program *program);
