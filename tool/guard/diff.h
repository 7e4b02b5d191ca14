/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq guard diff: what a change of a policy changes. */
#define GUARD_DIFF_CHANGES 3 /* exit status: something is decided about otherwise */

int guard_diff(int argc, char **argv);
