/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Target end: a link whose capsules wait for their time, by the limits of the policy. */
#include <stddef.h>
#include <stdint.h>

struct nvme_tcp_cmd_pdu;
struct stoq_tunnel_link;

/* As struct stoq_mux_io has it; context is the link. */
uint64_t stoq_link_admit(void *context, unsigned int lane, size_t at,
	const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size);

/* After its lanes have brought something: wakes it when the next capsule may go. */
void stoq_link_limits_look(struct stoq_tunnel_link *link, uint64_t now_ns);
/* Notes what has come behind capsules that wait; every second. */
void stoq_link_limits_note(struct stoq_tunnel_link *link, uint64_t now_ns);
/* The policy has changed. */
void stoq_link_limits_changed(struct stoq_tunnel_link *link);
/* It is over. */
void stoq_link_limits_leave(struct stoq_tunnel_link *link);
