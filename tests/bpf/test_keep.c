// SPDX-License-Identifier: BSD-2-Clause
/* Where programs that stay stand in tcx' list: first, or right behind another one of ours, whatever else is there. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "hook/keep.h"
#include "hook/tc_programs.h"
#include "tests/bpf/rig.h"

#define PINS "/sys/fs/bpf"

/* A network and a BPF file system of its own. */
static int setup(void **state)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("bpf", PINS, "bpf", 0, NULL)) {
		printf("SKIP: root is needed, for a network and a BPF file system\n");
		exit(RIG_SKIP);
	}
	return 0;
}

/* A program that hands every packet on (TC_ACT_UNSPEC); *id: its number. */
static int make_program(uint32_t *id)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT}};
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "keep", "GPL", code, 2, NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &length), 0);
	*id = info.id;
	return fd;
}

/* Keeps a program at lo's egress; its number. */
static uint32_t keep(const char *pin, enum stoq_keep_place place, const char *ours)
{
	struct stoq_attachment attachment;
	struct stoq_error error;
	uint32_t id;
	int fd = make_program(&id);

	if (stoq_attach_keep(&attachment, "lo", false, fd, pin, place, ours, false, &error))
		fail_msg("%s", error.text);
	if (attachment.kind != STOQ_ATTACH_TCX) {
		printf("SKIP: the kernel has no tcx\n");
		exit(RIG_SKIP);
	}
	close(fd);
	return id;
}

static void test_places(void **state)
{
	uint32_t ids[STOQ_TC_PROGRAMS_MAX] = {0}, others, first, behind;

	others = keep(PINS "/others", STOQ_KEEP_FIRST, NULL);
	first = keep(PINS "/first", STOQ_KEEP_FIRST, NULL);
	behind = keep(PINS "/behind", STOQ_KEEP_BEHIND_OURS, PINS "/first");
	assert_int_equal(stoq_tcx_list(1, false, ids), 3);
	assert_int_equal(ids[0], first);
	assert_int_equal(ids[1], behind);
	assert_int_equal(ids[2], others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
