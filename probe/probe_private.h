/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the parts of probe/ share. Each part looks at one topic and adds its facts. */
#include "probe/probe.h"

/* True if the kernel may be asked: root is the real one. */
static inline bool stoq_probe_is_real(const struct stoq_probe *probe)
{
	return !probe->root[0];
}

void stoq_probe_kernel(struct stoq_probe *probe);
void stoq_probe_process(struct stoq_probe *probe);
void stoq_probe_bpf(struct stoq_probe *probe);
void stoq_probe_interfaces(struct stoq_probe *probe);
void stoq_probe_sockets(struct stoq_probe *probe);
void stoq_probe_machine(struct stoq_probe *probe);
void stoq_probe_modules(struct stoq_probe *probe);

/* 0: AF_XDP sockets can be made; else a negative errno. */
int stoq_probe_try_af_xdp(void);
