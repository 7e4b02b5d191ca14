/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the kernel's NVMe target needs before it can be made. */
#include "target/state.h"

/*
 * Loads nvmet, nvmet-tcp and null_blk and mounts configfs where they are missing. Modules
 * and the mount stay: others may have come to use them. -EOPNOTSUPP, -EPERM.
 */
int stoq_nvmet_prepare(const struct stoq_target_config *config, struct stoq_error *error);
