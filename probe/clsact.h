/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether a program can stand at tc. */

/*
 * 0: a clsact qdisc can be made; -EPERM: no network namespace to try it in can be made;
 * -EACCES: nothing can be added there; another negative errno: the kernel has none.
 */
int stoq_probe_try_clsact(void);
