// SPDX-License-Identifier: BSD-2-Clause
#include "guard/manifest.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name of the first version: guards that it left on are still read. */
#define MANIFEST_PIN "made"

int stoq_guard_manifest_read(const struct stoq_guard_pins *pins,
	struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	int result = stoq_guard_pins_read(pins, MANIFEST_PIN, manifest, sizeof(*manifest), error);

	if (!result && (manifest->layout != STOQ_GUARD_LAYOUT ||
			       manifest->side_count > STOQ_GUARD_SIDES_MAX))
		result = -EPROTO;
	if (result != -EPROTO)
		return result;
	return stoq_error_set(error, result,
		"guard %s was made by another version of stoq, whose notes this one cannot read; turn it off with that one",
		pins->name);
}

int stoq_guard_manifest_write(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(pins, MANIFEST_PIN, true, NULL), result = 0;
	bool fresh = fd < 0;
	uint32_t zero = 0;

	if (fresh)
		fd = bpf_map_create(
			BPF_MAP_TYPE_ARRAY, "stoq_made", sizeof(zero), sizeof(*manifest), 1, NULL);
	if (fd < 0)
		return stoq_error_set(error, fd, "cannot make a map in the kernel: %s%s",
			strerror(-fd), fd == -EPERM ? "; CAP_BPF is missing (run as root)" : "");
	result = bpf_map_update_elem(fd, &zero, manifest, BPF_ANY);
	if (result)
		stoq_error_set(error, result, "cannot take notes about guard %s: %s", pins->name,
			strerror(-result));
	else if (fresh)
		result = stoq_guard_pins_add(pins, MANIFEST_PIN, fd, error);
	close(fd);
	return result;
}

void stoq_guard_manifest_sign(struct stoq_guard_manifest *manifest, const char *version)
{
	snprintf(manifest->version, sizeof(manifest->version), "%s", version);
	manifest->build = stoq_guard_program_build();
	manifest->policy_format = STOQ_GUARD_POLICY_FORMAT;
}

bool stoq_guard_manifest_is_foreign(const struct stoq_guard_manifest *manifest)
{
	return manifest->build != stoq_guard_program_build();
}

uint64_t stoq_guard_netns(void)
{
	struct stat about;

	return stat("/proc/self/ns/net", &about) == 0 ? about.st_ino : 0;
}

const char *stoq_guard_link_path(
	const struct stoq_guard_pins *pins, size_t side, char path[static STOQ_GUARD_PATH_BYTES])
{
	char item[24];

	snprintf(item, sizeof(item), "link-%zu", side);
	return stoq_guard_pins_path(pins, item, path);
}
