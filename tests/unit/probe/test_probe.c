// SPDX-License-Identifier: BSD-2-Clause

/* What is found in a root of our own making; and the real one, as whoever runs this. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "probe/probe.h"

static char root[64];

/* Writes a file below the root, with the folders it needs. */
static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void take_away(const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	assert_int_equal(unlink(whole), 0);
}

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/stoq-probe-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command); // NOLINT(cert-env33-c): a path of our own
}

static const struct stoq_probe_fact *find(
	const struct stoq_probe *probe, const char *topic, const char *subject, const char *name)
{
	const struct stoq_probe_fact *fact = stoq_probe_find(probe, topic, subject, name);

	if (!fact)
		fail_msg("no fact %s %s %s", topic, subject, name);
	return fact;
}

static void assert_fact(const struct stoq_probe *probe, const char *topic, const char *subject,
	const char *name, enum stoq_probe_answer answer, const char *text)
{
	const struct stoq_probe_fact *fact = find(probe, topic, subject, name);

	assert_int_equal(fact->answer, answer);
	if (!strstr(answer == STOQ_PROBE_YES ? fact->value : fact->why, text))
		fail_msg("%s: '%s%s' has no '%s'", name, fact->value, fact->why, text);
}

static void assert_remedy(
	const struct stoq_probe *probe, const char *topic, const char *name, const char *remedy)
{
	assert_string_equal(find(probe, topic, "", name)->remedy, remedy);
}

static void assert_remedy_has(
	const struct stoq_probe *probe, const char *topic, const char *name, const char *part)
{
	const struct stoq_probe_fact *fact = stoq_probe_find(probe, topic, "", name);

	if (!fact || !strstr(fact->remedy, part))
		fail_msg("%s: '%s' has no '%s'", name, fact ? fact->remedy : "", part);
}

/* What is not yes says why. */
static void assert_complete(const struct stoq_probe *probe)
{
	assert_true(probe->count > 0);
	for (size_t i = 0; i < probe->count; i++) {
		const struct stoq_probe_fact *fact = &probe->facts[i];

		if (fact->answer != STOQ_PROBE_YES && !fact->why[0])
			fail_msg("%s %s: no reason", fact->topic, fact->name);
		if (fact->answer == STOQ_PROBE_NO && !fact->remedy[0])
			fail_msg("%s %s: no remedy", fact->topic, fact->name);
		/* Nothing may have been cut. */
		assert_true(strlen(fact->why) < sizeof(fact->why) - 1);
		assert_true(strlen(fact->remedy) < sizeof(fact->remedy) - 1);
	}
}

static void test_nothing_there(void **state)
{
	struct stoq_probe probe;

	(void)state;
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "kernel", "", "release", STOQ_PROBE_UNKNOWN, "osrelease");
	assert_fact(&probe, "kernel", "", "btf", STOQ_PROBE_UNKNOWN, "/sys is not mounted");
	assert_fact(&probe, "kernel", "", "bpf_jit", STOQ_PROBE_UNKNOWN, "/proc is not mounted");
	assert_fact(&probe, "kernel", "", "bpffs", STOQ_PROBE_UNKNOWN, "/proc is not mounted");
	assert_fact(&probe, "kernel", "", "unprivileged_bpf", STOQ_PROBE_UNKNOWN, "/proc is not");
	assert_fact(&probe, "process", "", "capabilities", STOQ_PROBE_UNKNOWN, "/proc is not");
	assert_fact(&probe, "interface", "", "list", STOQ_PROBE_UNKNOWN, "/sys/class/net");
	assert_fact(&probe, "processor", "", "model", STOQ_PROBE_UNKNOWN, "cpuinfo");
	assert_fact(&probe, "memory", "", "hugepages", STOQ_PROBE_UNKNOWN, "/sys is not mounted");
	assert_fact(&probe, "memory", "", "hugetlbfs", STOQ_PROBE_UNKNOWN, "/proc is not mounted");
	assert_fact(&probe, "software", "", "kvm", STOQ_PROBE_UNKNOWN, "/dev is not mounted");
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_UNKNOWN, "cannot be found out");
	assert_remedy(&probe, "kernel", "btf", "mount -t sysfs sys /sys");
	assert_remedy(&probe, "kernel", "bpf_jit", "mount -t proc proc /proc");
	stoq_probe_free(&probe);
}

static void put_good_machine(void)
{
	put("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
	put("/sys/kernel/btf/vmlinux", "BTF");
	put("/proc/sys/net/core/bpf_jit_enable", "1\n");
	put("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n");
	put("/proc/mounts", "bpf /sys/fs/bpf bpf rw 0 0\nnone /dev/hugepages hugetlbfs rw 0 0\n");
	put("/proc/self/status", "Name:\tstoq\nCapEff:\t000000c000001000\nSeccomp:\t0\n");
	put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu aes "
			     "pclmulqdq avx2 vaes_not\n\nprocessor\t: 1\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	put("/dev/null", "");
	put("/dev/kvm", "");
	put("/lib/modules/6.1.0-9-amd64/modules.builtin", "kernel/drivers/nvme/target/nvmet.ko\n");
	put("/lib/modules/6.1.0-9-amd64/modules.dep",
		"kernel/drivers/nvme/host/nvme-tcp.ko.xz: kernel/x.ko\n");
	put("/sys/module/nvmet_tcp/refcnt", "0\n");
	put("/sys/class/net/eth0/mtu", "9000\n");
	put("/sys/class/net/eth0/operstate", "up\n");
	put("/sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n");
	put("/sys/class/net/eth0/queues/rx-1/rps_cpus", "0\n");
	put("/sys/class/net/eth0/queues/tx-0/xps_cpus", "0\n");
	put("/sys/class/net/bonding_masters", "\n");
}

static void test_good_machine(void **state)
{
	struct stoq_probe probe;

	(void)state;
	put_good_machine();
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "kernel", "", "release", STOQ_PROBE_YES, "6.1.0-9-amd64");
	assert_fact(&probe, "kernel", "", "btf", STOQ_PROBE_YES, "");
	assert_fact(&probe, "kernel", "", "bpf_jit", STOQ_PROBE_YES, "on");
	assert_fact(&probe, "kernel", "", "bpffs", STOQ_PROBE_YES, "");
	assert_fact(&probe, "kernel", "", "unprivileged_bpf", STOQ_PROBE_NO, "safer");
	assert_fact(&probe, "process", "", "CAP_BPF", STOQ_PROBE_YES, "");
	assert_fact(&probe, "process", "", "CAP_PERFMON", STOQ_PROBE_YES, "");
	assert_fact(&probe, "process", "", "CAP_NET_ADMIN", STOQ_PROBE_YES, "");
	assert_fact(&probe, "process", "", "CAP_SYS_ADMIN", STOQ_PROBE_NO, "lacks");
	assert_remedy(&probe, "process", "CAP_SYS_ADMIN", "run as root");
	assert_fact(&probe, "processor", "", "model", STOQ_PROBE_YES, "A Processor");
	assert_fact(&probe, "processor", "", "avx2", STOQ_PROBE_YES, "");
	assert_fact(&probe, "processor", "", "vaes", STOQ_PROBE_NO, "wide");
	assert_fact(&probe, "memory", "", "hugepages", STOQ_PROBE_YES, "512 of 2 MiB, 500 free");
	assert_fact(&probe, "memory", "", "hugetlbfs", STOQ_PROBE_YES, "");
	assert_fact(&probe, "software", "", "kvm", STOQ_PROBE_YES, "");
	assert_fact(&probe, "modules", "", "nvmet", STOQ_PROBE_YES, "built in");
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_YES, "modprobe nvme-tcp");
	assert_fact(&probe, "modules", "", "nvmet-tcp", STOQ_PROBE_YES, "loaded");
	assert_fact(&probe, "modules", "", "null_blk", STOQ_PROBE_NO, "CONFIG_BLK_DEV_NULL_BLK");
	assert_fact(&probe, "interface", "eth0", "link", STOQ_PROBE_YES, "state up, MTU 9000");
	assert_fact(&probe, "interface", "eth0", "queues", STOQ_PROBE_YES, "2");
	assert_null(stoq_probe_find(&probe, "interface", "bonding_masters", "link"));
	stoq_probe_free(&probe);
}

static void test_lesser_machine(void **state)
{
	struct stoq_probe probe;

	(void)state;
	put_good_machine();
	put("/proc/sys/kernel/osrelease", "5.10.0\n");
	put("/proc/sys/net/core/bpf_jit_enable", "0\n");
	put("/proc/mounts", "");
	take_away("/sys/kernel/btf/vmlinux");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "kernel", "", "release", STOQ_PROBE_NO, "older than 5.15");
	assert_fact(&probe, "kernel", "", "bpf_jit", STOQ_PROBE_NO, "switched off");
	assert_fact(&probe, "kernel", "", "bpffs", STOQ_PROBE_NO, "pins");
	assert_fact(&probe, "kernel", "", "btf", STOQ_PROBE_NO, "type information");
	assert_fact(&probe, "memory", "", "hugepages", STOQ_PROBE_NO, "SPDK");
	put("/proc/sys/kernel/osrelease", "5.15.1\n");
	stoq_probe_free(&probe);
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_fact(&probe, "kernel", "", "release", STOQ_PROBE_YES, "5.15.1");
	stoq_probe_free(&probe);
}

/* Another process, on the same machine. */
static void look_as(struct stoq_probe *probe, const char *status, const char *uid_map)
{
	put("/proc/self/status", status);
	put("/proc/self/uid_map", uid_map);
	assert_int_equal(stoq_probe_run(probe, root, NULL), 0);
	assert_complete(probe);
}

/* What a kernel's configuration has to say about modules that are not to be seen. */
static void test_kernel_config(void **state)
{
	static const char config[] = "/boot/config-6.1.0-9-amd64";
	struct stoq_probe probe;

	(void)state;
	put("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
	put(config, "#\n# CONFIG_NVME_TCP is not set\nCONFIG_NVME_TARGET=y\n"
		    "CONFIG_NVME_TARGET_TCP=m\nCONFIG_NVME_TARGET_TCP_TLS=y\n");
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_NO,
		"built without: CONFIG_NVME_TCP is not set in /boot/config-6.1.0-9-amd64");
	assert_remedy_has(&probe, "modules", "nvme-tcp", "install a kernel");
	assert_fact(&probe, "modules", "", "nvmet", STOQ_PROBE_YES, "built in");
	/* There may be one, in a folder that this root does not show. */
	assert_fact(&probe, "modules", "", "nvmet-tcp", STOQ_PROBE_UNKNOWN, "cannot be found out");
	/* An option that is not in it at all. */
	assert_fact(&probe, "modules", "", "null_blk", STOQ_PROBE_NO, "built without");
	stoq_probe_free(&probe);

	put("/lib/modules/6.1.0-9-amd64/modules.dep", "kernel/x.ko:\n");
	put("/proc/modules", "null_blk 16384 0 - Live 0x0000000000000000\n");
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "modules", "", "nvmet-tcp", STOQ_PROBE_NO, "but not in /lib/modules");
	assert_fact(&probe, "modules", "", "null_blk", STOQ_PROBE_YES, "loaded");
	stoq_probe_free(&probe);

	/* No configuration at all, though a file has its name. */
	put(config, "");
	take_away("/lib/modules/6.1.0-9-amd64/modules.dep");
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_UNKNOWN, "cannot be found out");
	stoq_probe_free(&probe);
}

/* As the kernel gives it: compressed. Cut off, it is no word about what is not in it. */
static void test_compressed_config(void **state)
{
	static const char text[] = "CONFIG_NVME_TARGET=y\n# CONFIG_NVME_TCP is not set\n";
	struct stoq_probe probe;
	char path[128];
	gzFile file;

	(void)state;
	put("/proc/sys/kernel/osrelease", "6.18.5\n");
	snprintf(path, sizeof(path), "%s/proc/config.gz", root);
	file = gzopen(path, "we");
	assert_non_null(file);
	gzputs(file, "CONFIG_FIRST=y\n");
	for (int i = 0; i < 20000; i++)
		gzprintf(file, "# CONFIG_OTHER_%d is not set\n", i);
	gzputs(file, text);
	assert_int_equal(gzclose(file), Z_OK);
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_NO, "/proc/config.gz");
	assert_fact(&probe, "modules", "", "nvmet", STOQ_PROBE_YES, "built in");
	stoq_probe_free(&probe);

	assert_int_equal(truncate(path, 1000), 0);
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_fact(&probe, "modules", "", "nvme-tcp", STOQ_PROBE_UNKNOWN, "cannot be found out");
	stoq_probe_free(&probe);
}

#define EVERYBODY   "         0          0 4294967295\n"
#define ALL_BUT_BPF "0000017fffffffff"

/* What would give a capability depends on who took it away. */
static void test_capabilities(void **state)
{
	static const char *const useful[] = {
		"CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_NET_RAW", "CAP_IPC_LOCK"};
	struct stoq_probe probe;

	(void)state;
	put_good_machine();
	look_as(&probe,
		"Name:\tx\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0\nCapBnd:\t000001ffffffffff\n",
		EVERYBODY);
	assert_fact(&probe, "process", "", "CAP_BPF", STOQ_PROBE_NO, "lacks CAP_BPF: load");
	/* setcap replaces what the file had: one remedy must not undo another. */
	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++)
		assert_remedy(&probe, "process", useful[i],
			"run as root, or: setcap cap_bpf,cap_net_admin,cap_perfmon,cap_net_raw,"
			"cap_ipc_lock+ep stoq");
	assert_null(stoq_probe_find(&probe, "process", "", "CAP_SYS_NICE"));
	stoq_probe_free(&probe);

	look_as(&probe, "Name:\tx\nUid:\t1000\t1000\nCapEff:\t0\nNoNewPrivs:\t1\n", EVERYBODY);
	assert_remedy_has(&probe, "process", "CAP_BPF", "NoNewPrivileges=no");
	stoq_probe_free(&probe);

	look_as(&probe,
		"Name:\tx\nUid:\t0\t0\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n",
		EVERYBODY);
	assert_remedy(&probe, "process", "CAP_BPF",
		"docker run --cap-add CAP_BPF, or CapabilityBoundingSet= of the systemd unit");
	stoq_probe_free(&probe);

	look_as(&probe, "Name:\tx\nUid:\t0\t0\nCapEff:\t0\nCapBnd:\t000001ffffffffff\n", EVERYBODY);
	assert_remedy_has(&probe, "process", "CAP_BPF", "took cap_bpf from this root");
	stoq_probe_free(&probe);
}

static void test_capabilities_that_do_not_count(void **state)
{
	struct stoq_probe probe;

	(void)state;
	put_good_machine();
	look_as(&probe,
		"Name:\tx\nUid:\t0\t0\nCapEff:\t" ALL_BUT_BPF "\nCapBnd:\t" ALL_BUT_BPF "\n",
		EVERYBODY);
	assert_fact(&probe, "process", "", "CAP_BPF", STOQ_PROBE_YES, "by CAP_SYS_ADMIN");
	stoq_probe_free(&probe);

	look_as(&probe,
		"Name:\tx\nUid:\t0\t0\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n",
		"         0       1000          1\n");
	assert_fact(&probe, "process", "", "CAP_BPF", STOQ_PROBE_NO, "in its user namespace only");
	stoq_probe_free(&probe);
}

static void test_kvm(void **state)
{
	struct stoq_probe probe;
	char path[128];

	(void)state;
	put_good_machine();
	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_remedy_has(&probe, "software", "kvm", "firmware");
	stoq_probe_free(&probe);
	put("/proc/cpuinfo", "flags\t\t: fpu vmx aes\n");
	assert_int_equal(stoq_probe_run(&probe, root, NULL), 0);
	assert_remedy_has(&probe, "software", "kvm", "modprobe kvm_intel");
	stoq_probe_free(&probe);
}

static void test_this_machine(void **state)
{
	struct stoq_probe probe;

	(void)state;
	assert_int_equal(stoq_probe_run(&probe, "", NULL), 0);
	assert_complete(&probe);
	assert_fact(&probe, "kernel", "", "release", STOQ_PROBE_YES, "");
	find(&probe, "bpf", "", "xdp_frags");
	find(&probe, "sockets", "", "udp_gro");
	stoq_probe_free(&probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_there, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_good_machine, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_lesser_machine, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_capabilities, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			test_capabilities_that_do_not_count, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_kernel_config, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_compressed_config, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_kvm, make_root, remove_root),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
