/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq guard events */
int guard_events(int argc, char **argv);
