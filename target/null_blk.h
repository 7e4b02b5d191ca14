/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The kernel's null_blk: memory (or nothing) as a block device, with an optional delay. */
#include "target/configfs.h"

/*
 * Makes a device for a malloc or null namespace and stores its path in /dev. delay_us: until
 * each command completes; 0: none.
 */
int stoq_null_blk_make(struct stoq_configfs_session *session,
	const struct stoq_target_namespace *namespace, uint64_t delay_us, char *path, size_t size);
