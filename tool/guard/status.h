/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq guard status */
int guard_status(int argc, char **argv);
