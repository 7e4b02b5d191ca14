// SPDX-License-Identifier: BSD-2-Clause
#include "base/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A set of capabilities: bit n is number n. */
static uint64_t bit(unsigned int capability)
{
	return 1ull << capability;
}

static int read_permitted(uint64_t *permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int set_all(uint64_t wanted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	for (unsigned int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = (uint32_t)(wanted >> (32 * i));
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static uint64_t kept_of(uint64_t permitted, unsigned int keep)
{
	uint64_t kept = 0;

	if (keep & STOQ_KEEP_BPF)
		kept |= permitted & bit(CAP_BPF) ? bit(CAP_BPF) : bit(CAP_SYS_ADMIN);
	if (keep & STOQ_KEEP_NET_ADMIN)
		kept |= bit(CAP_NET_ADMIN);
	return kept & permitted;
}

int stoq_drop_privileges(unsigned int keep, struct stoq_error *error)
{
	uint64_t permitted = 0;
	int status = read_permitted(&permitted);

	if (!status)
		status = set_all(kept_of(permitted, keep));
	if (status)
		return stoq_error_set(error, status,
			"cannot give up capabilities that are not needed: %s", strerror(-status));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		status = -errno;
		return stoq_error_set(
			error, status, "cannot set no_new_privs: %s", strerror(-status));
	}
	return 0;
}
