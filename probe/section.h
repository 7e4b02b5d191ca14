/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the parts of probe/ share. Each part looks at one topic and adds its facts. */
#include <stdint.h>
#include <sys/types.h>

#include "probe/netdev.h"
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

/* No, for lack of these capabilities (bits by their numbers); what: they are for. */
void stoq_probe_lacks(
	struct stoq_probe *probe, const char *name, uint64_t wanted, const char *what);

/* Unknown, for the kernel refused the try with EPERM or EACCES, and it needs these. */
void stoq_probe_forbidden(struct stoq_probe *probe, const char *name, uint64_t wanted);

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
/* The same, at the line's beginning. */
bool stoq_probe_line_begins(const struct stoq_probe *probe, const char *path, const char *word);

/* The kernel's release: uname(2)'s, or that of a made-up root. False: it is not to be seen. */
bool stoq_probe_release(const struct stoq_probe *probe, char *release, size_t size);

/* Whether /proc and /sys are mounted: nothing that lies there is missing where they are not. */
static inline bool stoq_probe_has_proc(const struct stoq_probe *probe)
{
	return stoq_probe_exists(probe, "/proc/sys/kernel");
}

static inline bool stoq_probe_has_sys(const struct stoq_probe *probe)
{
	return stoq_probe_exists(probe, "/sys/kernel");
}

/* Unknown, for it is seen in /proc or /sys (what: without the slash), which is not mounted. */
void stoq_probe_not_mounted(struct stoq_probe *probe, const char *name, const char *what);

/* ---- the kernel's configuration ---- */

#define STOQ_PROBE_ORIGIN_BYTES 128

enum stoq_probe_option {
	STOQ_PROBE_OPTION_UNKNOWN = 0, /* no configuration can be read */
	STOQ_PROBE_OPTION_OFF,
	STOQ_PROBE_OPTION_MODULE,
	STOQ_PROBE_OPTION_ON,
};

/* What became of an option ("CONFIG_X"), and which file has that. */
enum stoq_probe_option stoq_probe_kernel_option(const struct stoq_probe *probe, const char *release,
	const char *option, char origin[static STOQ_PROBE_ORIGIN_BYTES]);

/* ---- the parts ---- */

void stoq_probe_kernel(struct stoq_probe *probe);
void stoq_probe_process(struct stoq_probe *probe);
void stoq_probe_bpf(struct stoq_probe *probe);
void stoq_probe_interfaces(struct stoq_probe *probe);
void stoq_probe_sockets(struct stoq_probe *probe);
void stoq_probe_machine(struct stoq_probe *probe);
void stoq_probe_modules(struct stoq_probe *probe);

/* What the kernel tells of an interface of this process's network namespace. */
struct stoq_probe_link {
	char driver[STOQ_NETDEV_DRIVER_BYTES];
	short flags;
	bool ethernet;
	int mtu;
	unsigned int queues; /* 0: it does not tell */
};

/* XDP and AF_XDP on an interface. */
void stoq_probe_interface_xdp(
	struct stoq_probe *probe, const char *interface, const struct stoq_probe_link *link);

/*
 * 0: a clsact qdisc can be made; -EPERM: no network namespace to try it in can be made;
 * -EACCES: nothing can be added there; another negative errno: the kernel has none.
 */
int stoq_probe_try_clsact(void);

/* 0: AF_XDP sockets can be made; else a negative errno. */
int stoq_probe_try_af_xdp(void);
