// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/facts.h"
#include "probe/files.h"
#include "probe/probe_private.h"

#define OLDEST_MAJOR 5
#define OLDEST_MINOR 15

static void probe_release(struct stoq_probe *probe)
{
	unsigned int major = 0, minor = 0;
	char release[96], *rest;

	if (!stoq_probe_release(probe, release, sizeof(release))) {
		stoq_probe_unknown(probe, "release", "mount -t proc proc /proc",
			"/proc/sys/kernel/osrelease cannot be read");
		return;
	}
	major = (unsigned int)strtoul(release, &rest, 10);
	if (*rest == '.')
		minor = (unsigned int)strtoul(rest + 1, NULL, 10);
	if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
		stoq_probe_yes(probe, "release", "%s", release);
	else
		stoq_probe_no(probe, "release", "install Linux 5.15 or newer",
			"Linux %s is older than 5.15, the oldest that STOQ's BPF programs load on",
			release);
}

static void probe_jit(struct stoq_probe *probe)
{
	static const char path[] = "/proc/sys/net/core/bpf_jit_enable";
	uint64_t value;
	int result = stoq_probe_read_number(probe, path, &value);

	if (result == -ENOENT && !stoq_probe_has_proc(probe))
		stoq_probe_not_mounted(probe, "bpf_jit", "proc");
	else if (result == -ENOENT) /* it is seen from the first network namespace only */
		stoq_probe_unknown(probe, "bpf_jit", "look outside of network namespaces",
			"no %s: either this is not the first network namespace, or the kernel has "
			"no BPF JIT compiler and programs are interpreted, slowly",
			path);
	else if (result)
		stoq_probe_unknown(probe, "bpf_jit", "run stoq probe as root", "%s: %s", path,
			strerror(-result));
	else if (value)
		stoq_probe_yes(probe, "bpf_jit", "on");
	else
		stoq_probe_no(probe, "bpf_jit", "sysctl -w net.core.bpf_jit_enable=1",
			"it is switched off: programs are interpreted, slowly");
}

static void probe_unprivileged(struct stoq_probe *probe)
{
	uint64_t value;
	int result =
		stoq_probe_read_number(probe, "/proc/sys/kernel/unprivileged_bpf_disabled", &value);

	if (result && !stoq_probe_has_proc(probe))
		stoq_probe_not_mounted(probe, "unprivileged_bpf", "proc");
	else if (result)
		stoq_probe_unknown(probe, "unprivileged_bpf", "",
			"/proc/sys/kernel/unprivileged_bpf_disabled: %s", strerror(-result));
	else if (value)
		stoq_probe_no(probe, "unprivileged_bpf", "none needed: use CAP_BPF or root",
			"kernel.unprivileged_bpf_disabled is %u, which is safer; STOQ does not "
			"need it",
			(unsigned int)value);
	else
		stoq_probe_yes(probe, "unprivileged_bpf",
			"anybody may load socket filters (kernel.unprivileged_bpf_disabled=0)");
}

static void probe_btf(struct stoq_probe *probe)
{
	if (stoq_probe_exists(probe, "/sys/kernel/btf/vmlinux"))
		stoq_probe_yes(probe, "btf", "/sys/kernel/btf/vmlinux");
	else if (!stoq_probe_has_sys(probe))
		stoq_probe_not_mounted(probe, "btf", "sys");
	else
		stoq_probe_no(probe, "btf", "a kernel with CONFIG_DEBUG_INFO_BTF",
			"the kernel's type information is missing: it takes no program of stoq "
			"watch and stoq guard");
}

static void probe_bpffs(struct stoq_probe *probe)
{
	if (stoq_probe_file_has(probe, "/proc/mounts", " /sys/fs/bpf bpf "))
		stoq_probe_yes(probe, "bpffs", "/sys/fs/bpf");
	else if (!stoq_probe_has_proc(probe))
		stoq_probe_not_mounted(probe, "bpffs", "proc");
	else if (!stoq_probe_has_sys(probe))
		stoq_probe_no(probe, "bpffs",
			"mount -t sysfs sys /sys && mount -t bpf bpf /sys/fs/bpf",
			"no BPF file system is on /sys/fs/bpf, for /sys is not mounted; stoq guard "
			"pins its programs there");
	else
		stoq_probe_no(probe, "bpffs", "mount -t bpf bpf /sys/fs/bpf",
			"no BPF file system is on /sys/fs/bpf; stoq guard pins its programs there");
}

void stoq_probe_kernel(struct stoq_probe *probe)
{
	stoq_probe_topic(probe, "kernel", NULL);
	probe_release(probe);
	probe_btf(probe);
	probe_jit(probe);
	probe_bpffs(probe);
	probe_unprivileged(probe);
}
