// SPDX-License-Identifier: BSD-2-Clause
#include "base/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

static void keep_if_there(bool there, unsigned int capability)
{
	if (there)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
}

int stoq_drop_privileges(unsigned int keep, struct stoq_error *error)
{
	bool bpf, admin, net_admin;

	if (capng_get_caps_process())
		return stoq_error_set(error, -EIO, "cannot read this process's capabilities");
	bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF);
	admin = capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN);
	net_admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	capng_clear(CAPNG_SELECT_CAPS);
	if (keep & STOQ_KEEP_BPF)
		keep_if_there(bpf || admin, bpf ? CAP_BPF : CAP_SYS_ADMIN);
	if (keep & STOQ_KEEP_NET_ADMIN)
		keep_if_there(net_admin, CAP_NET_ADMIN);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return stoq_error_set(error, -EPERM,
			"cannot give up capabilities that are not needed: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		int code = -errno;

		return stoq_error_set(error, code, "cannot set no_new_privs: %s", strerror(-code));
	}
	return 0;
}
