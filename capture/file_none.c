// SPDX-License-Identifier: BSD-2-Clause
#include "capture/file.h"

#include <errno.h>

/* In a build without libpcap. */

int stoq_capture_open(
	struct stoq_capture_file **capture, FILE *file, const char *name, struct stoq_error *error)
{
	fclose(file);
	return stoq_error_set(error, -EOPNOTSUPP,
		"cannot read %s: this stoq was built without libpcap. Install libpcap-dev and build "
		"it again",
		name);
}

void stoq_capture_close(struct stoq_capture_file *capture)
{
}

int stoq_capture_read(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	size_t most, struct stoq_error *error)
{
	return -EOPNOTSUPP;
}

const struct stoq_capture_notes *stoq_capture_notes(const struct stoq_capture_file *capture)
{
	static const struct stoq_capture_notes none;

	return &none;
}
