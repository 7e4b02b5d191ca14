// SPDX-License-Identifier: BSD-2-Clause
#include "guard/lifecycle.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "flow/tables.h"
#include "guard/before.h"
#include "guard/identities.h"
#include "guard/limiter.h"
#include "guard/removal.h"
#include "guard/room.h"
#include "hook/keep.h"

/* What `on` works with. */
struct making {
	const struct stoq_guard_config *config;
	const struct stoq_guard_source *source;
	struct stoq_guard_pins pins;
	struct stoq_guard_manifest manifest;
	struct stoq_guard_program *program;
	enum stoq_guard_reuse reuse;
	struct stoq_error *error;
};

/* ---- off ---- */

/* A guard that is on, with the lock held, which the caller closes. remedy: if none is on. */
static int lock_guard(struct stoq_guard_pins *pins, const char *name, int *lock, const char *remedy,
	struct stoq_error *error)
{
	int result = stoq_guard_pins_init(pins, name, error);

	if (!result)
		result = stoq_guard_pins_lock(false, lock, error);
	if (result || stoq_guard_pins_exist(pins))
		return result;
	close(*lock);
	return stoq_error_set(error, -ENOENT, "no guard %s is on%s", name, remedy);
}

int stoq_guard_off(const char *name, struct stoq_error *error)
{
	struct stoq_guard_pins pins;
	int lock, result = lock_guard(&pins, name, &lock, "", error);

	if (result)
		return result;
	result = stoq_guard_take_away(&pins, error);
	close(lock);
	return result;
}

/* ---- on ---- */

struct conflict {
	const struct making *making;
	int ifindex;
	char name[STOQ_GUARD_NAME_MAX + 1]; /* of the guard that is there */
};

static void look_for_conflict(void *context, const char *name)
{
	struct conflict *conflict = context;
	struct stoq_guard_manifest manifest;
	struct stoq_guard_pins pins;

	if (strcmp(name, conflict->making->pins.name) == 0 ||
		stoq_guard_pins_init(&pins, name, NULL) ||
		stoq_guard_manifest_read(&pins, &manifest, NULL) ||
		manifest.netns != stoq_guard_netns())
		return;
	for (size_t i = 0; i < manifest.side_count; i++)
		if (manifest.sides[i].ifindex == conflict->ifindex)
			snprintf(conflict->name, sizeof(conflict->name), "%s", name);
}

/* Two guards on an interface would each see what the other made of a refused command. */
static int check_alone(const struct making *making, const char *interface, int ifindex)
{
	struct conflict conflict = {.making = making, .ifindex = ifindex};

	stoq_guard_pins_list(look_for_conflict, &conflict);
	if (!conflict.name[0])
		return 0;
	return stoq_error_set(making->error, -EEXIST,
		"interface %s has a guard already: %s. Give it this policy with `stoq guard reload "
		"--name %s`, or turn it off first",
		interface, conflict.name, conflict.name);
}

static bool has_side(const struct stoq_guard_manifest *manifest, int ifindex, bool ingress)
{
	for (size_t i = 0; i < manifest->side_count; i++)
		if (manifest->sides[i].ifindex == ifindex && manifest->sides[i].ingress == ingress)
			return true;
	return false;
}

/* Notes the sides of an interface, unless they are there. */
static int plan_interface(struct making *making, const char *interface)
{
	struct stoq_guard_manifest *manifest = &making->manifest;
	enum stoq_link link;
	int ifindex, result = stoq_attach_check(interface, &ifindex, &link, making->error);

	if (!result)
		result = check_alone(making, interface, ifindex);
	/* On loopback every packet passes egress, then ingress: once is enough. */
	for (int ingress = 0; !result && ingress <= (link == STOQ_LINK_LOOPBACK ? 0 : 1);
		ingress++) {
		struct stoq_attachment *side = &manifest->sides[manifest->side_count];

		if (has_side(manifest, ifindex, ingress))
			continue;
		if (manifest->side_count == STOQ_GUARD_SIDES_MAX)
			return stoq_error_set(making->error, -EINVAL,
				"a guard has at most %d interfaces", STOQ_GUARD_INTERFACES_MAX);
		*side = (struct stoq_attachment){.ifindex = ifindex, .ingress = ingress};
		snprintf(side->interface, sizeof(side->interface), "%s", interface);
		manifest->side_count++;
	}
	return result;
}

static int plan(struct making *making)
{
	int result = 0;

	for (size_t i = 0; !result && i < making->config->interface_count; i++)
		result = plan_interface(making, making->config->interfaces[i]);
	return result;
}

static int attach_side(struct making *making, size_t i)
{
	struct stoq_attachment *side = &making->manifest.sides[i];
	int program_fd = stoq_guard_program_fd(making->program), result;
	char path[STOQ_GUARD_PATH_BYTES], interface[IF_NAMESIZE];

	stoq_guard_link_path(&making->pins, i, path);
	if (!side->ifindex)
		return 0;
	if (side->kind != STOQ_ATTACH_NONE)
		return stoq_attach_keep_swap(side, program_fd, path, making->error);
	memcpy(interface, side->interface, sizeof(interface));
	result = stoq_attach_keep(side, interface, side->ingress, program_fd, path, STOQ_KEEP_FIRST,
		NULL, making->config->force_clsact, making->error);
	return result ? result
		      : stoq_guard_manifest_write(&making->pins, &making->manifest, making->error);
}

static int store_identities(const struct stoq_guard_pins *pins,
	const struct stoq_flow_identities *identities, struct stoq_error *error)
{
	int fd, result;

	if (!identities)
		return 0;
	fd = stoq_guard_pins_open(pins, "stoq_guard_identities", true, error);
	if (fd < 0)
		return fd;
	result = stoq_guard_identities_store(identities, fd);
	close(fd);
	if (result >= 0)
		return 0;
	return stoq_error_set(error, result, "cannot note who is connected: %s", strerror(-result));
}

/* Behind the guard's program, whose maps limits read. */
static int apply_limits(const struct making *making, const struct stoq_guard_bare *bare)
{
	const struct stoq_limiter_config config = {.bare = bare,
		.force_clsact = making->config->force_clsact,
		.replace = making->reuse != STOQ_GUARD_REUSE_NONE};

	return stoq_limiter_apply(
		&making->pins, &making->manifest, making->source, &config, making->error);
}

static void find_bare(const struct stoq_guard_manifest *manifest, struct stoq_guard_bare *bare)
{
	for (size_t i = 0; i < manifest->side_count; i++) {
		enum stoq_link link;

		if (stoq_link_of(manifest->sides[i].interface, &link, NULL) == 0 &&
			link == STOQ_LINK_BARE)
			stoq_tables_add_bare(
				bare->interfaces, (uint32_t)manifest->sides[i].ifindex);
	}
}

/* As many connections as was asked for, or as the guard had room for until now. */
static uint64_t choose_room(const struct making *making)
{
	struct stoq_guard_room room;

	if (making->config->max_connections)
		return making->config->max_connections;
	return stoq_guard_room_read(&making->pins, &room) ? STOQ_GUARD_CONNECTIONS_DEFAULT
							  : stoq_guard_room_size(&room);
}

/*
 * The program first, then who is who, then the policy, and the interfaces last: no packet is
 * policed without all of it.
 */
static int make(struct making *making)
{
	struct stoq_guard_bare bare = {0};
	uint64_t room = choose_room(making);
	int result;

	find_bare(&making->manifest, &bare);
	result = stoq_guard_program_load(&making->program, &making->config->program, &bare,
		making->config->audit, &making->pins, making->reuse, making->error);

	if (!result)
		result = stoq_guard_manifest_write(&making->pins, &making->manifest, making->error);
	if (!result)
		result = stoq_guard_program_pin(making->program, &making->pins, making->error);
	if (!result)
		result = stoq_guard_room_limit(&making->pins, room, making->error);
	if (!result)
		result = store_identities(&making->pins, making->config->identities, making->error);
	if (!result)
		result = stoq_guard_install(&making->pins, making->source, making->error);
	for (size_t i = 0; !result && i < making->manifest.side_count; i++)
		result = attach_side(making, i);
	if (!result)
		result = apply_limits(making, &bare);
	making->manifest.phase = STOQ_GUARD_ON;
	return result ? result
		      : stoq_guard_manifest_write(&making->pins, &making->manifest, making->error);
}

static int make_new(struct making *making)
{
	const struct stoq_guard_config *config = making->config;
	int result;

	making->manifest = (struct stoq_guard_manifest){.layout = STOQ_GUARD_LAYOUT,
		.phase = STOQ_GUARD_MAKING,
		.since_unix_ns = stoq_clock_unix_ns(),
		.netns = stoq_guard_netns(),
		.program = config->program,
		.audit = config->audit};
	stoq_guard_manifest_sign(&making->manifest, config->version);
	result = plan(making);
	if (!result)
		result = stoq_guard_pins_make(&making->pins, making->error);
	if (result)
		return result;
	result = make(making);
	if (result)
		stoq_guard_take_away(&making->pins, NULL);
	return result;
}

/* An interface that went away and came back, or that lost the program, gets the program again. */
static int revive(struct making *making)
{
	for (size_t i = 0; i < making->manifest.side_count; i++) {
		struct stoq_attachment *side = &making->manifest.sides[i];
		char path[STOQ_GUARD_PATH_BYTES];
		uint32_t program_id;
		int result;

		stoq_guard_link_path(&making->pins, i, path);
		if (stoq_attach_keep_look(side, path, &program_id) != STOQ_KEEP_GONE)
			continue;
		result = stoq_attach_keep_remove(side, path, making->error);
		if (result)
			return result;
		side->ifindex = (int)if_nametoindex(side->interface);
	}
	return 0;
}

/* The guard that is there goes on until, side by side, the new program has its place. */
static int make_in_place(struct making *making)
{
	int result;

	making->manifest.phase = STOQ_GUARD_REPLACING;
	making->reuse = making->config->audit == (making->manifest.audit != 0)
				? STOQ_GUARD_REUSE_ALL
				: STOQ_GUARD_REUSE_ALL_BUT_TOTALS;
	making->manifest.program = making->config->program;
	making->manifest.audit = making->config->audit;
	stoq_guard_manifest_sign(&making->manifest, making->config->version);
	result = revive(making);
	if (!result)
		result = plan(making);
	return result ? result : make(making);
}

/* It failed: what was there takes its place again. */
static int take_back(struct making *making, const struct stoq_guard_before *before, int result)
{
	const struct stoq_error why = *making->error;
	struct stoq_error also;

	if (stoq_guard_before_restore(before, &making->pins, &making->manifest, &also))
		return stoq_error_set(making->error, result,
			"%.200s; and what was in force before could not be restored: %.200s",
			why.text, also.text);
	return stoq_error_set(
		making->error, result, "%.300s; what was in force before still is", why.text);
}

static int make_instead(struct making *making)
{
	struct stoq_guard_before before;
	int result =
		stoq_guard_before_take(&before, &making->pins, &making->manifest, making->error);

	if (!result) {
		result = make_in_place(making);
		if (result)
			take_back(making, &before, result);
	}
	stoq_guard_before_free(&before);
	return result;
}

static int choose(struct making *making, bool *cleaned)
{
	int result;

	if (!stoq_guard_pins_exist(&making->pins))
		return make_new(making);
	result = stoq_guard_manifest_read(&making->pins, &making->manifest, making->error);
	if (result == -ENOENT || (!result && making->manifest.phase == STOQ_GUARD_MAKING)) {
		result = stoq_guard_take_away(&making->pins, making->error);
		*cleaned = !result;
		return result ? result : make_new(making);
	}
	if (result)
		return result;
	if (!making->config->replace)
		return stoq_error_set(making->error, -EEXIST,
			"guard %s is on already. `stoq guard reload` gives it another policy; `on "
			"--replace` another program or more interfaces; `off` ends it",
			making->pins.name);
	result = stoq_guard_check_netns(&making->pins, &making->manifest, making->error);
	return result ? result : make_instead(making);
}

int stoq_guard_on(const struct stoq_guard_config *config, const struct stoq_guard_source *source,
	bool *cleaned, struct stoq_error *error)
{
	struct making making = {.config = config, .source = source, .error = error};
	int result = stoq_guard_pins_init(&making.pins, config->name, error), lock;

	*cleaned = false;
	if (!result)
		result = stoq_guard_pins_lock(true, &lock, error);
	if (result)
		return result;
	result = choose(&making, cleaned);
	stoq_guard_program_free(making.program);
	close(lock);
	return result;
}

/* ---- reload ---- */

/* A policy that names a mode is not put in force in the other one: that takes another program. */
static int check_mode(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, const struct stoq_guard_source *source,
	struct stoq_error *error)
{
	enum stoq_guard_mode mode = source->policy.mode;

	if (mode == STOQ_GUARD_MODE_NOT_NAMED ||
		(mode == STOQ_GUARD_MODE_AUDIT) == (manifest->audit != 0))
		return 0;
	return stoq_error_set(error, -EINVAL,
		"guard %s %s, and the policy has `mode: %s`; `stoq guard on --replace --name %s "
		"FILE` changes over, without a gap",
		pins->name, manifest->audit ? "is in audit mode" : "enforces its policy",
		manifest->audit ? "enforce" : "audit", pins->name);
}

/* First: what they need may not be there, and then nothing changes. */
static int reload_limits(const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, const struct stoq_guard_source *source,
	struct stoq_error *error)
{
	struct stoq_guard_bare bare = {0};
	const struct stoq_limiter_config config = {.bare = &bare};
	int result;

	if (!source->limits && !stoq_limiter_exists(pins))
		return 0;
	find_bare(manifest, &bare);
	result = stoq_guard_check_netns(pins, manifest, error);
	return result ? result : stoq_limiter_apply(pins, manifest, source, &config, error);
}

/* source: NULL for the policy that is in force. */
static int reload(const struct stoq_guard_pins *pins, const struct stoq_guard_source *source,
	struct stoq_error *error)
{
	struct stoq_guard_manifest manifest;
	int result = stoq_guard_manifest_read(pins, &manifest, error);

	if (result)
		return result;
	if (manifest.phase == STOQ_GUARD_MAKING)
		return stoq_error_set(error, -ENOENT,
			"guard %s is only half made, as its `on` was interrupted: run that "
			"again",
			pins->name);
	if (manifest.phase == STOQ_GUARD_REPLACING)
		return stoq_error_set(error, -EBUSY,
			"guard %s got half way to another program, as `on --replace` was "
			"interrupted: run that again",
			pins->name);
	if (manifest.policy_format != STOQ_GUARD_POLICY_FORMAT)
		return stoq_error_set(error, -EPROTO,
			"guard %s runs the program of another version of stoq (%.11s), which reads "
			"policies in another form; `stoq guard on --replace --name %s FILE` puts "
			"this version's in its place, without a gap",
			pins->name, manifest.version, pins->name);
	if (!source) {
		result = stoq_guard_install_again(pins, error);
		return result ? result : stoq_limiter_renew(pins, error);
	}
	result = check_mode(pins, &manifest, source, error);
	if (!result)
		result = reload_limits(pins, &manifest, source, error);
	return result ? result : stoq_guard_install(pins, source, error);
}

/* What is done to a guard that is on, with the lock held. Either may be NULL. */
struct change {
	const struct stoq_guard_source *source;
	const struct stoq_flow_identities *identities;
};

static int apply(
	const struct stoq_guard_pins *pins, const struct change *change, struct stoq_error *error)
{
	int result = store_identities(pins, change->identities, error);

	/* A policy that is new makes the program ask again whose a connection is. */
	return result ? result : reload(pins, change->source, error);
}

static int change_guard(const char *name, const struct change *change, struct stoq_error *error)
{
	struct stoq_guard_pins pins;
	int lock, result = lock_guard(&pins, name, &lock,
			  "; `stoq guard on -i INTERFACE FILE` turns one on", error);

	if (result)
		return result;
	result = apply(&pins, change, error);
	close(lock);
	return result;
}

int stoq_guard_reload(
	const char *name, const struct stoq_guard_source *source, struct stoq_error *error)
{
	return change_guard(name, &(const struct change){.source = source}, error);
}

int stoq_guard_notify(
	const char *name, const struct stoq_flow_identities *identities, struct stoq_error *error)
{
	return change_guard(name, &(const struct change){.identities = identities}, error);
}
