// SPDX-License-Identifier: BSD-2-Clause

/* What this process may do, and what would let it do more: that depends on who took it away. */
#include "probe/capabilities.h"

#include <ctype.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/privileges.h"
#include "probe/facts.h"
#include "probe/files.h"
#include "probe/probe_private.h"

#define BIT(number)	  (1ULL << (number))
#define STATUS_BYTES	  4096
#define REMEDY_BYTES	  sizeof(((struct stoq_probe_fact *)0)->remedy)
#define CAPABILITY_COUNT  (sizeof(capabilities) / sizeof(capabilities[0]))
#define INCLUDED_IN_ADMIN (BIT(CAP_BPF) | BIT(CAP_PERFMON))

static const struct {
	unsigned int number;
	const char *name, *what;
} capabilities[] = {
	{CAP_BPF, "CAP_BPF", "load BPF programs, read their maps"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN", "attach programs to interfaces, large socket buffers"},
	{CAP_PERFMON, "CAP_PERFMON", "BPF programs that calculate with pointers: all of ours"},
	{CAP_NET_RAW, "CAP_NET_RAW", "AF_XDP sockets"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "find BPF objects of others by number: stoq xdp, bpftool"},
	{CAP_IPC_LOCK, "CAP_IPC_LOCK", "lock more memory than ulimit -l, for AF_XDP"},
};

/* The number behind a key of /proc/self/status. False: it is not there. */
static bool find_number(const char *status, const char *key, int base, uint64_t *value)
{
	const char *line = strstr(status, key);

	if (line)
		*value = strtoull(line + strlen(key), NULL, base);
	return line;
}

/* The first user namespace maps every number to itself. */
static bool is_in_user_namespace(const struct stoq_probe *probe)
{
	unsigned int inside = 0, outside = 0, count = UINT32_MAX;
	char text[256];

	if (stoq_probe_read(probe, "/proc/self/uid_map", text, sizeof(text)) <= 0)
		return false;
	if (sscanf(text, "%u %u %u", &inside, &outside, &count) != 3) // NOLINT(cert-err34-c)
		return false;
	return inside || outside || count != UINT32_MAX;
}

static bool read_rights(struct stoq_probe *probe)
{
	struct stoq_probe_rights *rights = &probe->rights;
	char text[STATUS_BYTES];
	uint64_t value;

	if (stoq_probe_read(probe, "/proc/self/status", text, sizeof(text)) <= 0 ||
		!find_number(text, "\nCapEff:", 16, &rights->effective))
		return false;
	if (!find_number(text, "\nCapBnd:", 16, &rights->bounding))
		rights->bounding = UINT64_MAX;
	/* Real, effective, ...: the real one decides what sudo and setcap are for. */
	rights->root = find_number(text, "\nUid:", 10, &value) && value == 0;
	rights->no_new = find_number(text, "\nNoNewPrivs:", 10, &value) && value;
	rights->in_user_namespace = is_in_user_namespace(probe);
	if (rights->in_user_namespace)
		rights->usable = 0;
	else if (rights->effective & BIT(CAP_SYS_ADMIN))
		rights->usable = rights->effective | INCLUDED_IN_ADMIN;
	else
		rights->usable = rights->effective;
	return true;
}

/* Their names, each behind a separator but the first. */
static void list_names(char *text, size_t size, uint64_t set, const char *separator, bool lower)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < CAPABILITY_COUNT && length < size; i++)
		if (set & BIT(capabilities[i].number))
			length += (size_t)snprintf(text + length, size - length, "%s%s",
				length ? separator : "", capabilities[i].name);
	for (; lower && *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* The file to give capabilities to. */
static void own_path(const struct stoq_probe *probe, char path[static REMEDY_BYTES / 2])
{
	ssize_t length = stoq_probe_is_real(probe)
				 ? readlink("/proc/self/exe", path, REMEDY_BYTES / 2 - 1)
				 : -1;

	if (length > 0)
		path[length] = '\0';
	else
		snprintf(path, REMEDY_BYTES / 2, "stoq");
}

static void make_remedy(const struct stoq_probe *probe, uint64_t wanted, char *remedy)
{
	const struct stoq_probe_rights *rights = &probe->rights;
	char names[96], path[REMEDY_BYTES / 2];

	if (rights->in_user_namespace) {
		snprintf(remedy, REMEDY_BYTES,
			"run stoq outside of the user namespace (unshare -U, rootless container)");
	} else if (wanted & ~rights->bounding) {
		list_names(names, sizeof(names), wanted & ~rights->bounding, " --cap-add ", false);
		snprintf(remedy, REMEDY_BYTES,
			"docker run --cap-add %s, or CapabilityBoundingSet= of the systemd unit",
			names);
	} else if (rights->root) {
		list_names(names, sizeof(names), wanted, ",", true);
		snprintf(remedy, REMEDY_BYTES,
			"leave it to stoq: setpriv, capsh or a systemd unit took %s from this root",
			names);
	} else if (rights->no_new) {
		snprintf(remedy, REMEDY_BYTES,
			"run as root, from a process without no_new_privs (systemd: "
			"NoNewPrivileges=no)");
	} else if (wanted & BIT(CAP_SYS_ADMIN)) {
		snprintf(remedy, REMEDY_BYTES, "run as root"); /* a file with it would be root */
	} else {
		own_path(probe, path);
		snprintf(remedy, REMEDY_BYTES, "run as root, or: setcap %s %s",
			STOQ_ALL_CAPABILITIES, path);
	}
}

static void why_not(const struct stoq_probe *probe, uint64_t wanted, char *why, size_t size)
{
	char names[96];

	list_names(names, sizeof(names), wanted, ", ", false);
	if (probe->rights.in_user_namespace)
		snprintf(why, size, "this process has %s in its user namespace only", names);
	else
		snprintf(why, size, "this process lacks %s", names);
}

void stoq_probe_forbidden(struct stoq_probe *probe, const char *name, uint64_t wanted)
{
	char remedy[REMEDY_BYTES], why[144];

	wanted &= ~probe->rights.usable;
	if (!wanted) {
		stoq_probe_unknown(probe, name,
			"docker run --security-opt seccomp=unconfined, SystemCallFilter= of the "
			"systemd unit, or the security module's settings",
			"this process may not try it, though it has the capabilities: seccomp or a "
			"security module forbids it");
		return;
	}
	why_not(probe, wanted, why, sizeof(why));
	make_remedy(probe, wanted, remedy);
	stoq_probe_unknown(probe, name, remedy, "it cannot be tried: %s", why);
}

void stoq_probe_lacks(struct stoq_probe *probe, const char *name, uint64_t wanted, const char *what)
{
	char remedy[REMEDY_BYTES], why[144];

	why_not(probe, wanted, why, sizeof(why));
	make_remedy(probe, wanted, remedy);
	stoq_probe_no(probe, name, remedy, "%s: %s", why, what);
}

void stoq_probe_process(struct stoq_probe *probe)
{
	stoq_probe_topic(probe, "process", NULL);
	if (!read_rights(probe)) {
		if (stoq_probe_has_proc(probe))
			stoq_probe_unknown(
				probe, "capabilities", "", "/proc/self/status cannot be read");
		else
			stoq_probe_not_mounted(probe, "capabilities", "proc");
		return;
	}
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		uint64_t bit = BIT(capabilities[i].number);

		if (!(bit & probe->rights.usable))
			stoq_probe_lacks(probe, capabilities[i].name, bit, capabilities[i].what);
		else if (bit & probe->rights.effective)
			stoq_probe_yes(probe, capabilities[i].name, "%s", capabilities[i].what);
		else
			stoq_probe_yes(probe, capabilities[i].name, "by CAP_SYS_ADMIN: %s",
				capabilities[i].what);
	}
}
