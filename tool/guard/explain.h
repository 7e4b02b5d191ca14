/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq guard check, explain: what a policy does, without putting it in force. */
int guard_check(int argc, char **argv);
int guard_explain(int argc, char **argv);
