/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq tunnel status`. */

/* status.c: the command. */
int tunnel_status(int argc, char **argv);
