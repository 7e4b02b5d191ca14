// SPDX-License-Identifier: BSD-2-Clause
#include "inspect/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

int stoq_drop_privileges(bool keep_net_admin, struct stoq_error *error)
{
	bool has_bpf;
	int result;

	if (capng_get_caps_process())
		return stoq_error_set(error, -EIO, "cannot read this process's capabilities");
	has_bpf = capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF);
	keep_net_admin &= capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
	capng_clear(CAPNG_SELECT_CAPS);
	capng_update(
		CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, has_bpf ? CAP_BPF : CAP_SYS_ADMIN);
	if (keep_net_admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	result = capng_apply(CAPNG_SELECT_CAPS);
	if (result)
		return stoq_error_set(error, -EPERM,
			"cannot give up capabilities that are not needed (libcap-ng error %d)",
			result);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return stoq_error_set(
			error, -errno, "cannot set no_new_privs: %s", strerror(errno));
	return 0;
}
