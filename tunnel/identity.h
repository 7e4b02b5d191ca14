/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether a host is the one that its certificate names. */
#include "tunnel/link.h"

/*
 * Of a Connect, whole: the status to refuse it with, 0: the peer's certificate has a URI name that
 * is the host NQN of the Connect data. Of any other command 0.
 */
uint16_t stoq_identity_judge(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size);
