// SPDX-License-Identifier: BSD-2-Clause
/* What is left after giving up capabilities, and that it does not come back. Each in a process. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/privileges.h"

#define BIT(capability) (1ull << (capability))

struct sets {
	uint64_t effective, permitted, inheritable;
};

static struct sets sets_now(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data))
		_exit(100);
	return (struct sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

/* What of it we had before must be there, and nothing else. */
static void child(unsigned int keep, uint64_t wanted)
{
	struct sets before = sets_now(), after;
	struct stoq_error error;

	if (stoq_drop_privileges(keep, &error))
		_exit(1);
	after = sets_now();
	if (after.permitted != (before.permitted & wanted) || after.effective != after.permitted ||
		after.inheritable)
		_exit(2);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		_exit(3);
	/* Asking for more later gives nothing back. */
	if (stoq_drop_privileges(STOQ_KEEP_BPF | STOQ_KEEP_NET_ADMIN, &error) ||
		sets_now().permitted != (after.permitted & (BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) |
								   BIT(CAP_SYS_ADMIN))))
		_exit(4);
	_exit(0);
}

static void check(unsigned int keep, uint64_t wanted)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		child(keep, wanted);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_only_what_is_asked_for_is_kept(void **state)
{
	uint64_t bpf = sets_now().permitted & BIT(CAP_BPF) ? BIT(CAP_BPF) : BIT(CAP_SYS_ADMIN);

	check(0, 0);
	check(STOQ_KEEP_BPF, bpf);
	check(STOQ_KEEP_NET_ADMIN, BIT(CAP_NET_ADMIN));
	check(STOQ_KEEP_BPF | STOQ_KEEP_NET_ADMIN, bpf | BIT(CAP_NET_ADMIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_asked_for_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
