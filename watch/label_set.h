/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Labels of commands as metrics have them: host, subsystem, namespace, queue and opcode. Pure. */
#include "flow/model.h"
#include "watch/volumes.h"

/* Room for a name from the wire with each byte escaped. */
#define STOQ_LABEL_NAME (4 * NVME_NQN_LENGTH + 1)

/* The texts that a key of a place points to. */
struct stoq_label_names {
	char host[STOQ_LABEL_NAME], subsystem[STOQ_LABEL_NAME], nsid[24];
};

/* Whose commands these are; identity: of STOQ_BY_COMMAND. Different identities have different labels. */
struct stoq_volume_key stoq_label_place(
	struct stoq_label_names *names, const struct stoq_identity *identity);

/* What stands between the braces, for free(); NULL: no memory. place: of the same identity. */
char *stoq_label_set(const struct stoq_identity *identity, const struct stoq_volume_key *place);
