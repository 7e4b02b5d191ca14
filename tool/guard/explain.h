/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq guard explain`: what a policy does, without putting it in force. */
int guard_explain(int argc, char **argv);
