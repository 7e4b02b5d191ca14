/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A guard that is on, opened for reading. Needs no more than to open its maps (CAP_BPF). */
#include "flow/identities.h"
#include "flow/model.h"
#include "guard/install.h"
#include "guard/log.h"
#include "guard/manifest.h"
#include "guard/policy.h"
#include "hook/keep.h"

struct stoq_guard_view {
	struct stoq_guard_pins pins;
	struct stoq_guard_manifest manifest;
	int totals_fd, flows_fd, names_fd, connects_fd, identities_fd;
	const struct stoq_guard_record *records;
	const struct stoq_guard_state *state;

	/* As of the last stoq_guard_view_policy(). */
	struct stoq_guard_in_force in_force;
	struct stoq_guard_policy policy;
	bool policy_known; /* the text was understood: this stoq may be older than the policy */
};

/* -ENOENT: there is no such guard. */
int stoq_guard_view_open(struct stoq_guard_view *view, const char *name, struct stoq_error *error);
void stoq_guard_view_close(struct stoq_guard_view *view);

/* False once the guard was turned off, or got another program with maps of its own. */
bool stoq_guard_view_is_current(const struct stoq_guard_view *view);

/*
 * For a view that stays open, and is current: reads again what of it may have changed but counters. The policy is read and parsed
 * again if another one is in force.
 */
int stoq_guard_view_refresh(struct stoq_guard_view *view, struct stoq_error *error);

/* Reads the policy in force. */
int stoq_guard_view_policy(struct stoq_guard_view *view, struct stoq_error *error);

/* Whose connection a record is about, as far as it is known. */
void stoq_guard_view_identify(const struct stoq_guard_view *view,
	const struct stoq_guard_record *record, struct stoq_identity *identity);

/* The host identifier of a connection; false: its Connect was not seen, or is forgotten. */
bool stoq_guard_view_host_id(
	const struct stoq_guard_view *view, uint32_t uid, uint8_t id[static 16]);

/* How often each rule decided, and [STOQ_GUARD_COUNT_DEFAULT] the default; of the policy that was
 * read last. */
int stoq_guard_view_counts(
	const struct stoq_guard_view *view, uint64_t counts[static STOQ_GUARD_RULES_MAX + 1]);
int stoq_guard_view_totals(
	const struct stoq_guard_view *view, uint64_t totals[static STOQ_GUARD_TOTALS]);

/* Open connections: whose host is known, whose is not, and those that cannot be followed now. */
struct stoq_guard_connections {
	uint64_t known, unknown, unfollowed;
	struct stoq_guard_room room;
};
int stoq_guard_view_connections(
	const struct stoq_guard_view *view, struct stoq_guard_connections *connections);

/* What the Connect of a flow said. False: it was not seen, or is forgotten. */
bool stoq_guard_view_connect(
	const struct stoq_guard_view *view, uint32_t uid, struct nvme_connect_data *connect);

/* Whether the host of the connection with these two ends and this tag is known. */
bool stoq_guard_view_knows(
	const struct stoq_guard_view *view, const struct stoq_flow_known *connection);

/* Whether side i of view->manifest is attached. */
enum stoq_keep_state stoq_guard_view_side(const struct stoq_guard_view *view, size_t side);
