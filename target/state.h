/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What is written down about a target while it exists, in a private folder,
 * RUN_BASE/target-NAME/: state.json (this struct), and for SPDK rpc.sock and nvmf_tgt.log.
 * It is written before each step that makes something, so that whatever becomes of us,
 * the next stop or start knows what is ours.
 */
#include "target/config.h"
#include "target/process.h"

#define STOQ_TARGET_MADE_MAX 256

struct stoq_target_paths {
	char folder[STOQ_TARGET_PATH_MAX];
	char state[STOQ_TARGET_PATH_MAX + 16];
	char socket[STOQ_TARGET_PATH_MAX + 16];
	char log[STOQ_TARGET_PATH_MAX + 16];
};

enum stoq_target_phase {
	STOQ_TARGET_STARTING,
	STOQ_TARGET_RUNNING,
};

struct stoq_target_state {
	enum stoq_target_kind kind;
	enum stoq_target_phase phase;
	char name[STOQ_TARGET_NAME_MAX + 1];
	char nqn[STOQ_TARGET_NQN_MAX + 1];
	char address[48];
	uint16_t port;
	char boot_id[40];	     /* of the kernel that it runs under */
	char software[128];	     /* "SPDK v26.09-pre", "Linux 6.1.0-41-amd64 nvmet" */
	struct stoq_process process; /* nvmf_tgt; pid 0 with nvmet */
	size_t namespace_count;
	struct stoq_target_namespace namespaces[STOQ_TARGET_NAMESPACES_MAX];
	size_t made_count; /* nvmet: folders and links in configfs, in the order of their making */
	char *made[STOQ_TARGET_MADE_MAX];
};

/* A run folder is an absolute path with room for sockets in it. 0 or -EINVAL; so below. */
int stoq_target_check_run_base(const char *run_base, struct stoq_error *error);
int stoq_target_paths_set(struct stoq_target_paths *paths, const char *run_base, const char *name,
	struct stoq_error *error);

void stoq_target_state_init(
	struct stoq_target_state *state, const struct stoq_target_config *config);
void stoq_target_state_free(struct stoq_target_state *state);

/* True if the state was written since the machine booted. */
bool stoq_target_state_is_of_this_boot(const struct stoq_target_state *state);

/* Writes the file so that a reader sees the old or the new one, never half of it. */
int stoq_target_state_save(
	const struct stoq_target_state *state, const char *path, struct stoq_error *error);

/* -ENOENT: no such file; -EPROTO: it is not a state file. Free the state on success only. */
int stoq_target_state_load(
	struct stoq_target_state *state, const char *path, struct stoq_error *error);

/* The journal of what was made. add: 0, -ENOMEM, -ENOSPC. */
int stoq_target_state_add_made(struct stoq_target_state *state, const char *path);
void stoq_target_state_drop_made(struct stoq_target_state *state);

const char *stoq_target_kind_name(enum stoq_target_kind kind);
