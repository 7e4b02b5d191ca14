// SPDX-License-Identifier: BSD-2-Clause
#include "guard/removal.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <unistd.h>

#include "guard/limiter.h"
#include "hook/keep.h"

/* Whether a program uses a map: those of one guard use its maps, and no one else does. */
struct owner {
	uint32_t map_id;
};

static bool uses_map(void *context, uint32_t program_id)
{
	const struct owner *owner = context;
	uint32_t ids[64] = {0}, length = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)ids};
	int fd = bpf_prog_get_fd_by_id(program_id);
	bool uses = false;

	if (fd < 0)
		return false;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
		for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
			uses |= ids[i] == owner->map_id;
	close(fd);
	return uses;
}

/* A filter that was added in the moment before it would have been noted: found by its program. */
static void sweep_filters(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, const char *map)
{
	int fd = stoq_guard_pins_open(pins, map, false, NULL);
	struct owner owner = {.map_id = stoq_guard_map_id(fd)};

	for (size_t i = 0; owner.map_id && i < manifest->side_count; i++)
		stoq_attach_keep_sweep(manifest->sides[i].ifindex, uses_map, &owner);
	if (fd >= 0)
		close(fd);
}

int stoq_guard_check_netns(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	if (manifest->netns == stoq_guard_netns())
		return 0;
	return stoq_error_set(error, -EXDEV,
		"guard %s is on interfaces of another network namespace (net:[%llu]); run this "
		"there, with nsenter --net",
		pins->name, (unsigned long long)manifest->netns);
}

/* A link can be removed from anywhere; a filter only in its network namespace. */
static bool needs_netns(const struct stoq_guard_manifest *manifest)
{
	for (size_t i = 0; i < manifest->side_count; i++)
		if (manifest->sides[i].kind == STOQ_ATTACH_CLSACT)
			return true;
	return false;
}

int stoq_guard_take_away(const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	struct stoq_guard_manifest manifest;
	char path[STOQ_GUARD_PATH_BYTES];
	int result = stoq_guard_manifest_read(pins, &manifest, error);

	/* Without notes nothing was attached. */
	if (result == -ENOENT)
		return stoq_guard_pins_remove(pins, error);
	if (!result && (needs_netns(&manifest) || stoq_limiter_exists(pins)))
		result = stoq_guard_check_netns(pins, &manifest, error);
	if (!result && stoq_limiter_exists(pins)) {
		sweep_filters(pins, &manifest, "limit-stoq_limit_policies");
		result = stoq_limiter_remove(pins, &manifest, error);
	} else if (!result && stoq_guard_check_netns(pins, &manifest, NULL) == 0) {
		/* An `on` or a reload that was killed may have come as far as the fq. */
		stoq_limiter_remove(pins, &manifest, NULL);
	}
	if (result)
		return result;
	for (size_t i = 0; i < manifest.side_count; i++) {
		int one = stoq_attach_keep_remove_unsure(
			&manifest.sides[i], stoq_guard_link_path(pins, i, path), error);

		result = result ? result : one;
	}
	sweep_filters(pins, &manifest, "stoq_guard_policies");
	return result ? result : stoq_guard_pins_remove(pins, error);
}
