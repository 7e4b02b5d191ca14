/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVMe/TCP targets that we start, find again and stop. One lock per run base: starting and
 * stopping never overlap. Not thread safe beyond that.
 */
#include "target/state.h"

enum stoq_target_condition {
	STOQ_TARGET_ANSWERS,   /* runs and completes the NVMe/TCP handshake */
	STOQ_TARGET_SILENT,    /* is there, but does not answer */
	STOQ_TARGET_DIED,      /* ended without `stop`: what is left can be cleaned up */
	STOQ_TARGET_HALF_MADE, /* its start was interrupted */
	STOQ_TARGET_IN_WORK,   /* is being started or stopped at this moment */
};

const char *stoq_target_condition_name(enum stoq_target_condition condition);

/*
 * Starts a target and waits until it answers NVMe/TCP. config has passed
 * stoq_target_config_finish(). What a failed start made is removed. Leftovers of the same name
 * are cleaned up first: *cleaned (may be NULL) tells. state is the caller's to free on success.
 *
 * Errors: -EEXIST (a target of this name runs), -EADDRINUSE, -ENOENT (no nvmf_tgt), -ETIMEDOUT,
 * -EREMOTEIO (SPDK refused), -ECHILD (it died), -EOPNOTSUPP (no nvmet), -EPERM and others.
 */
int stoq_target_start(const struct stoq_target_config *config, struct stoq_target_state *state,
	bool *cleaned, struct stoq_error *error);

/* Stops a target or cleans up after one; *condition (may be NULL) is how it was found.
 * -ENOENT: we started no such target. */
int stoq_target_stop(const char *run_base, const char *name, enum stoq_target_condition *condition,
	struct stoq_error *error);

/* How a target is. -ENOENT as above. state is the caller's to free on success. */
int stoq_target_status(const char *run_base, const char *name, struct stoq_target_state *state,
	enum stoq_target_condition *condition, struct stoq_error *error);

#define STOQ_TARGETS_MAX 64
struct stoq_target_names {
	size_t count;
	char names[STOQ_TARGETS_MAX][STOQ_TARGET_NAME_MAX + 1]; /* sorted */
};

/* The targets there are; none if the folder does not exist. */
int stoq_target_list(
	const char *run_base, struct stoq_target_names *names, struct stoq_error *error);
