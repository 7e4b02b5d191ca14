/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the parts of probe/ share. Each part looks at one topic and adds its facts. */
#include <stdint.h>
#include <sys/types.h>

#include "probe/probe.h"

/* From now on facts are about this; subject NULL: none. */
void stoq_probe_topic(struct stoq_probe *probe, const char *topic, const char *subject);

/* Adds a fact. The format makes value or, where the answer is not yes, the reason. */
void stoq_probe_yes(struct stoq_probe *probe, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void stoq_probe_no(struct stoq_probe *probe, const char *name, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
void stoq_probe_unknown(struct stoq_probe *probe, const char *name, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True if the kernel may be asked: root is the real one. */
static inline bool stoq_probe_is_real(const struct stoq_probe *probe)
{
	return !probe->root[0];
}

/* ---- files below the root ---- */

/* Reads the beginning of a file, without the last newline. Its length, or a negative errno. */
ssize_t stoq_probe_read(const struct stoq_probe *probe, const char *path, char *text, size_t size);

/* A file that holds a number. 0 or a negative errno. */
int stoq_probe_read_number(const struct stoq_probe *probe, const char *path, uint64_t *value);

bool stoq_probe_exists(const struct stoq_probe *probe, const char *path);

/* Whether any line of a file, however long, contains word. */
bool stoq_probe_file_has(const struct stoq_probe *probe, const char *path, const char *word);

/* ---- the parts ---- */

void stoq_probe_kernel(struct stoq_probe *probe);
void stoq_probe_process(struct stoq_probe *probe);
void stoq_probe_bpf(struct stoq_probe *probe);
void stoq_probe_interfaces(struct stoq_probe *probe);
void stoq_probe_sockets(struct stoq_probe *probe);
void stoq_probe_machine(struct stoq_probe *probe);
void stoq_probe_modules(struct stoq_probe *probe);

/* 0: a clsact qdisc can be made; else a negative errno. In a network namespace of its own. */
int stoq_probe_try_clsact(void);

/* What the kernel says of an interface's XDP. */
struct stoq_probe_xdp {
	bool known;
	uint64_t features; /* NETDEV_XDP_ACT_ */
	uint32_t zero_copy_segments;
};

#define STOQ_XDP_ACT_BASIC	  (1 << 0)
#define STOQ_XDP_ACT_REDIRECT	  (1 << 1)
#define STOQ_XDP_ACT_NDO_XMIT	  (1 << 2)
#define STOQ_XDP_ACT_XSK_ZEROCOPY (1 << 3)
#define STOQ_XDP_ACT_HW_OFFLOAD	  (1 << 4)
#define STOQ_XDP_ACT_RX_SG	  (1 << 5)
#define STOQ_XDP_ACT_NDO_XMIT_SG  (1 << 6)

/* Asks the netdev netlink family. -ENOENT: the kernel has none; other errno: it failed. */
int stoq_probe_netdev(int ifindex, struct stoq_probe_xdp *xdp);
