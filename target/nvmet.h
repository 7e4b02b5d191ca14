/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The kernel's NVMe target, made and removed through configfs. Memory media are null_blk
 * devices. What is made is written into the state's journal first, and removed in reverse.
 */
#include "target/state.h"

/*
 * Where configfs and /dev are, and how folders are made in it: real ones for the kernel,
 * others for tests, because in configfs mkdir also makes attribute files and rmdir removes
 * them. The functions return 0 or -1 with errno, as mkdir and rmdir do.
 */
struct stoq_configfs {
	const char *root; /* "/sys/kernel/config" */
	const char *dev;  /* "/dev" */
	int (*make_folder)(const char *path);
	int (*remove_folder)(const char *path);
};

extern const struct stoq_configfs stoq_configfs_kernel;

/* On failure the caller removes what the state's journal names. */
int stoq_nvmet_start(const struct stoq_configfs *configfs, const struct stoq_target_config *config,
	const char *state_path, struct stoq_target_state *state, struct stoq_error *error);

/* Removes what the journal names, and nothing else; what is gone already is fine. */
int stoq_nvmet_stop(const struct stoq_configfs *configfs, const char *state_path,
	struct stoq_target_state *state, struct stoq_error *error);

/* True if everything that the journal names is there. */
bool stoq_nvmet_is_there(const struct stoq_target_state *state);
