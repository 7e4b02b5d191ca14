// SPDX-License-Identifier: BSD-2-Clause
/* A build without eBPF has no libyaml. */
#include <errno.h>

#include "tool/tunnel/file.h"

int tunnel_file_read(const char *path, struct tunnel_options *options, struct stoq_error *error)
{
	return stoq_error_set(error, -ENOTSUP,
		"%s: this stoq was built without eBPF (-DSTOQ_EBPF=OFF), and so without YAML; use the "
		"options of `stoq tunnel listen` and `connect`",
		path);
}
