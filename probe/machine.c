// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/facts.h"
#include "probe/files.h"
#include "probe/probe_private.h"

#define CPUINFO_BYTES 16384

/* ---- the processor, as far as packet protection is concerned ---- */

static const struct {
	const char *flag, *what, *without;
} processor_flags[] = {
	{"aes", "AES rounds", "packet protection is many times slower"},
	{"pclmulqdq", "carry-less multiplication, for GCM",
		"packet protection is many times slower"},
	{"avx2", "256-bit registers", "libipsec-mb uses its SSE code"},
	{"avx512f", "512-bit registers", "libipsec-mb uses its AVX2 code"},
	{"vaes", "AES rounds on wide registers",
		"libipsec-mb encrypts at a half to a quarter of the speed"},
	{"vpclmulqdq", "carry-less multiplication on wide registers",
		"libipsec-mb encrypts at a half to a quarter of the speed"},
};

static bool has_flag(const char *flags, const char *flag)
{
	size_t length = strlen(flag);

	for (const char *at = flags; (at = strstr(at, flag)); at += length)
		if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || !at[length]))
			return true;
	return false;
}

static void probe_processor(struct stoq_probe *probe)
{
	static char text[CPUINFO_BYTES];
	const char *flags, *model;

	stoq_probe_topic(probe, "processor", NULL);
	if (stoq_probe_read(probe, "/proc/cpuinfo", text, sizeof(text)) <= 0) {
		stoq_probe_unknown(
			probe, "model", "mount -t proc proc /proc", "/proc/cpuinfo cannot be read");
		return;
	}
	model = strstr(text, "model name\t: ");
	stoq_probe_yes(probe, "model", "%.*s", model ? (int)strcspn(model + 13, "\n") : 5,
		model ? model + 13 : "other");
	flags = strstr(text, "\nflags\t");
	if (!flags) {
		stoq_probe_unknown(probe, "flags", "",
			"/proc/cpuinfo has none: this is no x86, and has no libipsec-mb");
		return;
	}
	for (size_t i = 0; i < sizeof(processor_flags) / sizeof(processor_flags[0]); i++)
		if (has_flag(flags + 1, processor_flags[i].flag))
			stoq_probe_yes(
				probe, processor_flags[i].flag, "%s", processor_flags[i].what);
		else
			stoq_probe_no(probe, processor_flags[i].flag, "another processor",
				"it has no %s: %s", processor_flags[i].what,
				processor_flags[i].without);
#ifdef STOQ_HAS_IPSEC_MB
	stoq_probe_yes(probe, "ipsec_mb", "this build has libipsec-mb");
#else
	stoq_probe_no(probe, "ipsec_mb", "install libipsec-mb-dev and build again",
		"this build has no libipsec-mb");
#endif
}

/* ---- memory, virtualization, programs ---- */

static void probe_hugepages(struct stoq_probe *probe)
{
	static const char folder[] = "/sys/kernel/mm/hugepages/hugepages-2048kB";
	uint64_t all = 0, available = 0;
	char path[96];

	snprintf(path, sizeof(path), "%s/nr_hugepages", folder);
	if (stoq_probe_read_number(probe, path, &all)) {
		if (stoq_probe_has_sys(probe))
			stoq_probe_no(probe, "hugepages", "a kernel with CONFIG_HUGETLBFS",
				"the kernel has no huge pages of 2 MiB");
		else
			stoq_probe_not_mounted(probe, "hugepages", "sys");
		return;
	}
	snprintf(path, sizeof(path), "%s/free_hugepages", folder);
	stoq_probe_read_number(probe, path, &available);
	if (all)
		stoq_probe_yes(probe, "hugepages", "%u of 2 MiB, %u free", (unsigned int)all,
			(unsigned int)available);
	else
		stoq_probe_no(probe, "hugepages", "echo 1024 >/proc/sys/vm/nr_hugepages",
			"none are reserved; SPDK wants them");
}

static void probe_hugetlbfs(struct stoq_probe *probe)
{
	if (stoq_probe_file_has(probe, "/proc/mounts", " hugetlbfs "))
		stoq_probe_yes(probe, "hugetlbfs", "mounted");
	else if (!stoq_probe_has_proc(probe))
		stoq_probe_not_mounted(probe, "hugetlbfs", "proc");
	else
		stoq_probe_no(probe, "hugetlbfs",
			"mkdir -p /dev/hugepages && mount -t hugetlbfs none /dev/hugepages",
			"it is not mounted; SPDK wants it");
}

/* A user's or a group's name, or its number. */
static const char *name_or_number(const char *name, unsigned int number, char text[static 16])
{
	snprintf(text, 16, "%u", number);
	return name ? name : text;
}

/* Who may open it stands in its permissions. */
static void kvm_forbidden(struct stoq_probe *probe, const char *path)
{
	struct passwd *user = getpwuid(getuid());
	char number[16], remedy[160];
	const char *name = name_or_number(user ? user->pw_name : NULL, getuid(), number);
	struct stat file = {0};
	struct group *group;

	if (stat(path, &file) == 0 && file.st_gid && (file.st_mode & 0060) == 0060) {
		char group_number[16];

		group = getgrgid(file.st_gid);
		snprintf(remedy, sizeof(remedy), "usermod -aG %.60s %.60s, and log in again",
			name_or_number(group ? group->gr_name : NULL, file.st_gid, group_number),
			name);
	} else {
		snprintf(remedy, sizeof(remedy), "as root: setfacl -m u:%.60s:rw /dev/kvm", name);
	}
	stoq_probe_no(probe, "kvm", remedy, "this user may not open /dev/kvm");
}

/* Which module there is for this processor, if it can do it at all. */
static const char *kvm_remedy(const struct stoq_probe *probe)
{
	if (stoq_probe_file_has(probe, "/proc/cpuinfo", " vmx "))
		return "modprobe kvm_intel; QEMU emulates until then";
	if (stoq_probe_file_has(probe, "/proc/cpuinfo", " svm "))
		return "modprobe kvm_amd; QEMU emulates until then";
	return "switch virtualization on in the firmware, or nested virtualization in the "
	       "hypervisor; "
	       "QEMU emulates until then";
}

static void probe_kvm(struct stoq_probe *probe)
{
	char path[512];
	int fd;

	stoq_probe_topic(probe, "software", NULL);
	snprintf(path, sizeof(path), "%s/dev/kvm", probe->root);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		stoq_probe_yes(probe, "kvm", "/dev/kvm");
		close(fd);
	} else if (errno == EACCES || errno == EPERM) {
		kvm_forbidden(probe, path);
	} else if (errno == ENOENT && !stoq_probe_exists(probe, "/dev/null")) {
		stoq_probe_unknown(probe, "kvm", "look outside of the chroot or container",
			"/dev is not mounted, or shows a few devices only");
	} else {
		stoq_probe_no(probe, "kvm", kvm_remedy(probe), "/dev/kvm: %s", strerror(errno));
	}
}

/* A program in a folder of PATH. */
static bool find_in_path(const char *program, char *found, size_t size)
{
	const char *path = getenv("PATH");

	for (; path && *path; path += *path == ':') {
		size_t length = strcspn(path, ":");

		snprintf(found, size, "%.*s/%s", (int)length, path, program);
		if (length && access(found, X_OK) == 0)
			return true;
		path += length;
	}
	return false;
}

static void probe_spdk(struct stoq_probe *probe)
{
	const char *folder = getenv("SPDK_DIR");
	char program[512];

	if (!stoq_probe_is_real(probe))
		return;
	if (folder) {
		snprintf(program, sizeof(program), "%s/build/bin/nvmf_tgt", folder);
		if (access(program, X_OK) == 0)
			stoq_probe_yes(probe, "spdk", "%s", program);
		else
			stoq_probe_no(probe, "spdk",
				"build SPDK there, or set SPDK_DIR to a built tree",
				"SPDK_DIR is set, but %s: %s", program, strerror(errno));
	} else if (find_in_path("nvmf_tgt", program, sizeof(program))) {
		stoq_probe_yes(probe, "spdk", "%s", program);
	} else {
		stoq_probe_no(probe, "spdk", "build SPDK and set SPDK_DIR to its tree",
			"no nvmf_tgt in PATH, and SPDK_DIR is not set");
	}
}

void stoq_probe_machine(struct stoq_probe *probe)
{
	probe_processor(probe);
	stoq_probe_topic(probe, "memory", NULL);
	probe_hugepages(probe);
	probe_hugetlbfs(probe);
	probe_kvm(probe);
	probe_spdk(probe);
}
