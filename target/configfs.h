/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Folders, links and attributes in configfs, journalled in a target's state. */
#include "target/nvmet.h"

#define STOQ_CONFIGFS_PATH_MAX 768

struct stoq_configfs_session {
	const struct stoq_configfs *fs;
	const char *state_path;
	struct stoq_target_state *state;
	struct stoq_error *error;
};

/*
 * Makes a folder or link that must not exist yet: -EEXIST (without touching the error's
 * text) if it does. The journal has it before it exists.
 */
int stoq_configfs_make(struct stoq_configfs_session *session, const char *path);
int stoq_configfs_link(
	struct stoq_configfs_session *session, const char *existing, const char *path);

/* Writes value into FOLDER/attribute. */
int stoq_configfs_write(struct stoq_configfs_session *session, const char *folder,
	const char *attribute, const char *value);

/* First line of FOLDER/attribute, without its end. */
int stoq_configfs_read(struct stoq_configfs_session *session, const char *folder,
	const char *attribute, char *value, size_t size);

/* Removes what the journal names, last first, until it is empty. */
int stoq_configfs_unmake_all(struct stoq_configfs_session *session);
