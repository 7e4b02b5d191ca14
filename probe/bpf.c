// SPDX-License-Identifier: BSD-2-Clause

/* BPF, by trying: tiny programs and maps that are gone at once. Nothing is attached. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/capabilities.h"
#include "probe/clsact.h"
#include "probe/facts.h"
#include "probe/probe_private.h"

#define TCX_INGRESS  46		/* BPF_TCX_INGRESS of Linux 6.6 */
#define HAS_FRAGS    (1U << 5)	/* BPF_F_XDP_HAS_FRAGS of Linux 5.18 */
#define NO_INTERFACE 0x7fffffff /* nobody has that many */

/* What loading our programs needs. */
#define TO_LOAD (1ULL << CAP_BPF | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_PERFMON)

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	int fd = (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));

	return fd < 0 ? -errno : fd;
}

/* r[to] = *(u32 *)(context + offset) */
static struct bpf_insn read_context(unsigned int to, size_t offset)
{
	return (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
		.dst_reg = to & 0xf,
		.src_reg = BPF_REG_1,
		.off = (short)offset};
}

/*
 * Loads a program that takes the difference of two packet pointers, as ours do (without CAP_PERFMON
 * the verifier refuses that), and returns 2. A descriptor, or a negative errno.
 */
static int load(enum bpf_prog_type type, uint32_t flags)
{
	bool xdp = type == BPF_PROG_TYPE_XDP;
	const struct bpf_insn program[] = {
		read_context(BPF_REG_2, xdp ? offsetof(struct xdp_md, data_end)
					    : offsetof(struct __sk_buff, data_end)),
		read_context(BPF_REG_3,
			xdp ? offsetof(struct xdp_md, data) : offsetof(struct __sk_buff, data)),
		{.code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_3},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 2},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attributes = {0};

	attributes.prog_type = type;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
	attributes.license = (uintptr_t) "GPL";
	attributes.prog_flags = flags;
	memcpy(attributes.prog_name, "stoq_probe", sizeof("stoq_probe"));
	return bpf(BPF_PROG_LOAD, &attributes);
}

static int create_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t flags)
{
	union bpf_attr attributes = {0};

	attributes.map_type = type;
	attributes.key_size = key;
	attributes.value_size = value;
	attributes.max_entries = type == BPF_MAP_TYPE_RINGBUF ? 4096 * 16 : 16;
	attributes.map_flags = flags;
	memcpy(attributes.map_name, "stoq_probe", sizeof("stoq_probe"));
	return bpf(BPF_MAP_CREATE, &attributes);
}

static void answer(struct stoq_probe *probe, const char *name, int result, const char *what,
	const char *remedy)
{
	if (result >= 0)
		stoq_probe_yes(probe, name, "%s", what);
	else if (result == -EPERM || result == -EACCES)
		stoq_probe_forbidden(probe, name, TO_LOAD);
	else if (result == -ENOSYS)
		stoq_probe_no(probe, name, "a kernel with CONFIG_BPF_SYSCALL",
			"the kernel has no bpf() system call");
	else
		stoq_probe_no(probe, name, remedy, "the kernel refuses it: %s", strerror(-result));
}

/* The same for what gives a descriptor, which is closed. */
static void answer_fd(
	struct stoq_probe *probe, const char *name, int fd, const char *what, const char *remedy)
{
	answer(probe, name, fd, what, remedy);
	if (fd >= 0)
		close(fd);
}

/* Where there are tcx links, an interface that does not exist is the first thing in the way. */
static int try_tcx(void)
{
	union bpf_attr attributes = {0};
	int program = load(BPF_PROG_TYPE_SCHED_CLS, 0), result;

	if (program < 0)
		return program;
	attributes.link_create.prog_fd = (uint32_t)program;
	attributes.link_create.target_ifindex = NO_INTERFACE;
	attributes.link_create.attach_type = TCX_INGRESS;
	result = bpf(BPF_LINK_CREATE, &attributes);
	close(program);
	return result == -ENODEV ? 0 : result;
}

static void probe_tc(struct stoq_probe *probe)
{
	int result;

	answer(probe, "tcx", try_tcx(), "tc programs by links: gone with their process",
		"Linux 6.6 or newer; without it STOQ uses clsact");
	result = stoq_probe_try_clsact();
	if (result == -EPERM) /* no namespace to try it in */
		stoq_probe_forbidden(probe, "clsact", 1ULL << CAP_SYS_ADMIN);
	else if (result == -EACCES)
		stoq_probe_forbidden(probe, "clsact", 1ULL << CAP_NET_ADMIN);
	else
		answer(probe, "clsact", result, "tc programs by filters",
			"modprobe sch_ingress, or a kernel with CONFIG_NET_SCH_INGRESS");
}

void stoq_probe_bpf(struct stoq_probe *probe)
{
	stoq_probe_topic(probe, "bpf", NULL);
	if (!stoq_probe_is_real(probe))
		return;
	answer_fd(probe, "load_tc", load(BPF_PROG_TYPE_SCHED_CLS, 0), "tc programs",
		"a kernel with CONFIG_NET_CLS_BPF");
	answer_fd(probe, "load_xdp", load(BPF_PROG_TYPE_XDP, 0), "XDP programs",
		"a kernel with CONFIG_BPF_SYSCALL and CONFIG_NET");
	answer_fd(probe, "xdp_frags", load(BPF_PROG_TYPE_XDP, HAS_FRAGS),
		"XDP programs for packets in several buffers (jumbo frames)",
		"Linux 5.18 or newer; without it XDP takes no MTU above some 3500");
	answer_fd(probe, "lru_hash", create_map(BPF_MAP_TYPE_LRU_HASH, 8, 8, 0),
		"tables that forget the oldest", "Linux 5.15 or newer");
	answer_fd(probe, "lpm_trie", create_map(BPF_MAP_TYPE_LPM_TRIE, 20, 8, BPF_F_NO_PREALLOC),
		"prefix lists", "Linux 5.15 or newer");
	answer_fd(probe, "ring_buffer", create_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 0), "events",
		"Linux 5.15 or newer");
	answer_fd(probe, "xsk_map", create_map(BPF_MAP_TYPE_XSKMAP, 4, 4, 0),
		"redirecting to AF_XDP sockets", "a kernel with CONFIG_XDP_SOCKETS");
	probe_tc(probe);
}
