/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A host and a target at the two ends of a rig, who check all that they get: each capsule and each
 * byte of data is derived from the command's number.
 */
#include "tests/unit/tunnel/rig.h"

#define ACTORS_DEPTH 32

enum actors_kind { ACTORS_READ, ACTORS_WRITE_IN_CAPSULE, ACTORS_WRITE };

struct actors_command {
	bool outstanding;
	enum actors_kind kind;
	uint32_t number;
	uint32_t bytes;
	uint32_t moved;	      /* data that the host has got, or the target */
	uint32_t given;	      /* data that the target has sent */
	bool at_target;	      /* its capsule came */
	bool asked, answered; /* by R2T; for good */
};

struct actors {
	struct rig *rig;
	struct stoq_pdu_reader at_host, at_target;
	size_t host_read, target_read; /* of the rig's outputs */
	struct actors_command commands[ACTORS_DEPTH];
	uint32_t begun, completed;
	uint32_t max_bytes; /* of a command */
	bool flow_control;
	uint16_t counted, sqhd; /* SQHD as the target counts it, and as the host got it */
	int host_saw_type;	/* of the last PDU; -1: none */
	uint16_t last_status;
};

void actors_init(struct actors *actors, struct rig *rig, uint32_t max_bytes);

/* ICReq, ICResp, Connect and its answer. */
void actors_connect(struct actors *actors, bool no_flow_control);
/* Runs that many commands, ACTORS_DEPTH at once at most, in random steps. */
void actors_run(struct actors *actors, uint32_t commands);

/* Parts of it. */
void actors_begin(struct actors *actors, unsigned int cid, enum actors_kind kind, uint32_t bytes,
	uint8_t fuse);
void actors_read_host(struct actors *actors);
void actors_read_target(struct actors *actors);
