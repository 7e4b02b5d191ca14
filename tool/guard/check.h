/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq guard check`. */
int guard_check(int argc, char **argv);
