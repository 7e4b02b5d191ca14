/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Target end: may this command go to the target? */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme_tcp.h"

struct stoq_tunnel_link;

/*
 * The status to refuse it with, 0: it may. A Connect, of which the whole PDU is given, has to be for a host
 * NQN that the peer's certificate has as a URI name, and of an I/O queue for a controller that this host has made through the
 * tunnel; every command has to be one that the policy allows.
 */
uint16_t stoq_identity_judge(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size);

/* The target has answered its Connect: an admin queue has made this controller. */
void stoq_identity_connected(struct stoq_tunnel_link *link, uint16_t cntlid);

/*
 * Whether the policy will deny it, of which at least the header is here: then limits do not count it. Nothing is counted or
 * reported. A Dataset Management command without its ranges is not denied yet.
 */
bool stoq_identity_denies(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size);
