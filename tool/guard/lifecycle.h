/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq guard on, reload, off. */
int guard_on(int argc, char **argv);
int guard_reload(int argc, char **argv);
int guard_off(int argc, char **argv);
