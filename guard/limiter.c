// SPDX-License-Identifier: BSD-2-Clause
#include "guard/limiter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "guard/limiter_program.h"
#include "hook/fq.h"
#include "hook/keep.h"

#define LAYOUT	     1
#define NOTES_PIN    "limit-made"
#define POLICY_PIN   "limit-policy"
#define POLICIES_PIN "limit-stoq_limit_policies"
#define BUCKETS_PIN  "limit-stoq_limit_buckets"
#define DRAIN_NS     (STOQ_LIMIT_DELAY_MAX_NS + 1000000000ull)

/* What putting limits in force works with. */
struct making {
	const struct stoq_guard_pins *pins;
	const struct stoq_guard_manifest *manifest;
	const struct stoq_guard_source *source;
	const struct stoq_limiter_config *config;
	struct stoq_limiter_notes notes;
	struct stoq_limiter_program *program; /* NULL: the one that is there stays */
	struct stoq_error *error;
};

/* ---- notes ---- */

const char *stoq_limiter_link_path(
	const struct stoq_guard_pins *pins, size_t side, char path[static STOQ_GUARD_PATH_BYTES])
{
	char item[32];

	snprintf(item, sizeof(item), "limit-link-%zu", side);
	return stoq_guard_pins_path(pins, item, path);
}

int stoq_limiter_notes_read(const struct stoq_guard_pins *pins, struct stoq_limiter_notes *notes,
	struct stoq_error *error)
{
	int result = stoq_guard_pins_read(pins, NOTES_PIN, notes, sizeof(*notes), error);

	if (!result && notes->layout != LAYOUT)
		result = -EPROTO;
	if (result != -EPROTO)
		return result;
	return stoq_error_set(error, result,
		"cannot read the notes about the limits of guard %s: another version of stoq made them; turn it off with that one",
		pins->name);
}

static int write_notes(struct making *making)
{
	int fd = stoq_guard_pins_open(making->pins, NOTES_PIN, true, NULL), result;
	bool fresh = fd < 0;
	uint32_t zero = 0;

	if (fresh)
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "stoq_limit_made", sizeof(zero),
			sizeof(making->notes), 1, NULL);
	result = fd < 0 ? fd : bpf_map_update_elem(fd, &zero, &making->notes, BPF_ANY);
	if (!result && fresh)
		result = stoq_guard_pins_add(making->pins, NOTES_PIN, fd, NULL);
	if (fd >= 0)
		close(fd);
	if (!result)
		return 0;
	return stoq_error_set(making->error, result,
		"cannot take notes about the limits of guard %s: %s", making->pins->name,
		strerror(-result));
}

bool stoq_limiter_exists(const struct stoq_guard_pins *pins)
{
	int fd = stoq_guard_pins_open(pins, NOTES_PIN, false, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- the policy ---- */

/* Makes a map of the limits and puts it into that of the program: from the next packet on they hold. */
static int put_policy(const struct stoq_guard_pins *pins, const struct stoq_limit_installed *limits)
{
	int outer = stoq_guard_pins_open(pins, POLICIES_PIN, true, NULL), fd, result;
	uint32_t zero = 0;

	if (outer < 0)
		return outer;
	fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "stoq_limits", sizeof(zero), sizeof(*limits), 1, NULL);
	result = fd < 0 ? fd : bpf_map_update_elem(fd, &zero, limits, BPF_ANY);
	if (!result)
		result = bpf_map_update_elem(outer, &zero, &fd, BPF_ANY);
	if (!result)
		result = stoq_guard_pins_add(pins, POLICY_PIN, fd, NULL);
	if (fd >= 0)
		close(fd);
	close(outer);
	return result;
}

/* No limits any more: what has a time already leaves then. */
static void withdraw_policy(const struct stoq_guard_pins *pins)
{
	int outer = stoq_guard_pins_open(pins, POLICIES_PIN, true, NULL);
	uint32_t zero = 0;

	if (outer < 0)
		return;
	bpf_map_delete_elem(outer, &zero);
	close(outer);
}

static bool has_limit(const struct stoq_limit_installed *limits, uint64_t id)
{
	for (uint32_t i = 0; i < limits->count; i++)
		if (limits->limits[i].id == id)
			return true;
	return false;
}

/* Accounts of limits that are not in force any more make room. */
static void forget_buckets(
	const struct stoq_guard_pins *pins, const struct stoq_limit_installed *limits)
{
	int fd = stoq_guard_pins_open(pins, BUCKETS_PIN, true, NULL);
	struct stoq_limit_bucket_key key, next;
	bool more = fd >= 0 && bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!has_limit(limits, key.limit))
			bpf_map_delete_elem(fd, &key);
	}
	if (fd >= 0)
		close(fd);
}

/*
 * The accounts that all hosts share, or those for which there is no room: made here, so that there is always one that a
 * command can be charged to.
 */
static int make_shared_buckets(
	const struct stoq_guard_pins *pins, const struct stoq_limit_installed *limits)
{
	int fd = stoq_guard_pins_open(pins, BUCKETS_PIN, true, NULL), result = fd < 0 ? fd : 0;
	const struct stoq_limit_bucket fresh = {0};

	for (uint32_t i = 0; !result && i < limits->count; i++) {
		const struct stoq_limit_bucket_key key = {.limit = limits->limits[i].id,
			.host = limits->limits[i].group ? STOQ_LIMIT_HOST_GROUP
							: STOQ_LIMIT_HOST_OTHERS};

		result = bpf_map_update_elem(fd, &key, &fresh, BPF_NOEXIST);
		result = result == -EEXIST ? 0 : result;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

static int install(struct making *making)
{
	struct stoq_limit_installed *limits = making->source->limits;
	int result;

	limits->generation = stoq_clock_unix_ns();
	result = put_policy(making->pins, limits);
	if (result)
		return stoq_error_set(making->error, result, "cannot put the limits in force: %s%s",
			strerror(-result),
			result == -EINVAL
				? "; the program of limits is another version's: `stoq guard on --replace` puts this one's in its place"
				: "");
	forget_buckets(making->pins, limits);
	result = make_shared_buckets(making->pins, limits);
	return result ? stoq_error_set(making->error, result,
				"cannot make the accounts of the limits: %s%s", strerror(-result),
				result == -E2BIG
					? "; all of them are taken: `stoq guard off` and `on` make room"
					: "")
		      : 0;
}

int stoq_limiter_renew(const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	struct stoq_limit_installed *limits = NULL;
	int fd = stoq_guard_pins_open(pins, POLICY_PIN, true, NULL), result = -ENOMEM;
	uint32_t zero = 0;

	if (fd < 0)
		return 0; /* there are no limits */
	limits = calloc(1, sizeof(*limits));
	if (limits)
		result = bpf_map_lookup_elem(fd, &zero, limits);
	if (!result) {
		limits->generation = stoq_clock_unix_ns();
		result = put_policy(pins, limits);
	}
	free(limits);
	close(fd);
	return result ? stoq_error_set(error, result, "cannot put the limits in force again: %s",
				strerror(-result))
		      : 0;
}

/* ---- interfaces ---- */

static int attach_side(struct making *making, size_t i)
{
	const struct stoq_attachment *guards = &making->manifest->sides[i];
	struct stoq_attachment *side = &making->notes.sides[i];
	char path[STOQ_GUARD_PATH_BYTES], guards_path[STOQ_GUARD_PATH_BYTES];
	bool clsact = making->config->force_clsact || guards->kind == STOQ_ATTACH_CLSACT;
	uint32_t program_id;
	int result;

	stoq_limiter_link_path(making->pins, i, path);
	if (!guards->ifindex)
		return 0;
	if (side->kind != STOQ_ATTACH_NONE && side->ifindex == guards->ifindex &&
		stoq_attach_keep_look(side, path, &program_id) != STOQ_KEEP_GONE)
		return making->program
			       ? stoq_attach_keep_swap(side,
					 stoq_limiter_program_fd(making->program, side->ingress),
					 path, making->error)
			       : 0;
	if (!making->program)
		return 0; /* `on --replace` attaches it again */
	if (side->kind != STOQ_ATTACH_NONE)
		stoq_attach_keep_remove(side, path, NULL);
	result = stoq_attach_keep(side, guards->interface, guards->ingress,
		stoq_limiter_program_fd(making->program, guards->ingress), path,
		STOQ_KEEP_BEHIND_OURS, stoq_guard_link_path(making->pins, i, guards_path), clsact,
		making->error);
	return result ? result : write_notes(making);
}

/* Where packets leave there has to be an fq. */
static int put_fq(struct making *making)
{
	int result = 0;

	for (size_t i = 0; !result && i < making->manifest->side_count; i++) {
		const struct stoq_attachment *side = &making->manifest->sides[i];
		enum stoq_fq_state state;

		if (!side->ingress && side->ifindex)
			result = stoq_fq_install(
				side->interface, side->ifindex, &state, making->error);
	}
	return result;
}

/* What waits in it goes first. */
static int remove_fq(const struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	const uint64_t end_ns = stoq_clock_now_ns() + DRAIN_NS;
	int result = 0;

	for (size_t i = 0; i < manifest->side_count; i++)
		if (!manifest->sides[i].ingress)
			stoq_fq_drain(manifest->sides[i].ifindex, end_ns);
	for (size_t i = 0; i < manifest->side_count; i++) {
		const struct stoq_attachment *side = &manifest->sides[i];
		int one = side->ingress ? 0 : stoq_fq_remove(side->interface, side->ifindex, error);

		result = result ? result : one;
	}
	return result;
}

static int load(struct making *making)
{
	int result = stoq_limiter_program_load(&making->program, making->pins, making->config->bare,
		making->manifest->audit != 0, making->error);

	/* The notes last: without them the next `on` or reload loads it again. */
	if (!result)
		result = stoq_limiter_program_pin(making->program, making->pins, making->error);
	making->notes.layout = LAYOUT;
	making->notes.build = stoq_limiter_program_build();
	return result ? result : write_notes(making);
}

/* The order: fq first, which alone delays nothing; the program and its policy; the interfaces last. */
static int make(struct making *making, bool exists)
{
	bool audit = making->manifest->audit != 0;
	int result = audit ? 0 : put_fq(making);

	if (!result && (!exists || making->config->replace))
		result = load(making);
	if (!result)
		result = install(making);
	for (size_t i = 0; !result && i < making->manifest->side_count; i++)
		result = attach_side(making, i);
	stoq_limiter_program_free(making->program);
	/* A program that enforced may have been there before. */
	return result || !audit ? result : remove_fq(making->manifest, making->error);
}

int stoq_limiter_apply(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, const struct stoq_guard_source *source,
	const struct stoq_limiter_config *config, struct stoq_error *error)
{
	struct making making = {.pins = pins,
		.manifest = manifest,
		.source = source,
		.config = config,
		.error = error};
	bool exists = stoq_limiter_exists(pins);
	int result = 0;

	if (!source->limits)
		return exists ? stoq_limiter_remove(pins, manifest, error) : 0;
	if (exists)
		result = stoq_limiter_notes_read(pins, &making.notes, error);
	if (!result)
		result = make(&making, exists);
	if (result && !exists)
		stoq_limiter_remove(pins, manifest, NULL);
	return result;
}

/* ---- taking it away ---- */

int stoq_limiter_remove(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error)
{
	struct stoq_limiter_notes notes = {0};
	bool noted = stoq_limiter_notes_read(pins, &notes, NULL) == 0;
	char path[STOQ_GUARD_PATH_BYTES];
	int result = 0;

	withdraw_policy(pins);
	/* The program keeps packets in order until none waits. */
	result = remove_fq(manifest, error);
	for (size_t i = 0; noted && i < manifest->side_count; i++) {
		int one = stoq_attach_keep_remove_unsure(
			&notes.sides[i], stoq_limiter_link_path(pins, i, path), error);

		result = result ? result : one;
	}
	if (!result)
		stoq_guard_pins_remove_some(pins, "limit-");
	return result;
}
