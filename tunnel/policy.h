/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A guard policy in the tunnel: the same file and the same engine as `stoq guard` (guard/,
 * bpf/guard/engine.h), asked about each command before the target sees it, with the host NQN that the
 * certificate has proven. Target end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "nvme/nvme_tcp.h"

struct stoq_tunnel_policy;

/* Whose commands they are; zero it, and again when a NQN changes. */
struct stoq_policy_subject {
	const char *host_nqn, *subsystem_nqn; /* "": not known */
	enum nvme_queue_kind kind;
	/* As the policy of this serial number classes them. */
	uint64_t serial;
	uint16_t host_class, subsystem_class;
};

struct stoq_policy_verdict {
	uint16_t status; /* to refuse it with; 0: it may pass */
	bool denied;	 /* audit: also one that may pass */
	bool logged;	 /* a rule wants it to be reported */
	char rule[112];	 /* that decided: its number and name, or "default" */
	/* The same apart, if status: "3" and "no format"; "default" and "". */
	char rule_number[8], rule_name[68];
};

/* Reads and compiles it. Without eBPF in this build -ENOTSUP. */
int stoq_tunnel_policy_read(
	const char *path, struct stoq_tunnel_policy **result, struct stoq_error *error);
/* One more user, in any thread; release() by the last one frees it. NULL is fine. */
struct stoq_tunnel_policy *stoq_tunnel_policy_hold(struct stoq_tunnel_policy *policy);
void stoq_tunnel_policy_release(struct stoq_tunnel_policy *policy);

/*
 * pdu: the capsule, of which size bytes are here: at least the header. Ranges of Dataset Management are
 * read if they are here; else such a command may touch any block.
 */
void stoq_tunnel_policy_judge(const struct stoq_tunnel_policy *policy,
	struct stoq_policy_subject *subject, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size, struct stoq_policy_verdict *verdict);
