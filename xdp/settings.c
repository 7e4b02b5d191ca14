// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/settings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/units.h"
#include "xdp/prefix.h"

#define SECOND_NS 1000000000ull

/* The program reads these while we write. */
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELEASE)

/* ---- one at a time ---- */

static int lock_failed(struct stoq_error *error, int code, const char *what)
{
	return stoq_error_set(error, code,
		"cannot %s: %s; it keeps two changes of a filter apart%s", what, strerror(-code),
		code == -EACCES ? ": run as root" : "");
}

/* A filter has no file of its own to be locked: nothing of it is pinned. */
int stoq_xdp_settings_lock(uint64_t wait_ns, int *lock, struct stoq_error *error)
{
	int result;

	if (mkdir(STOQ_XDP_LOCK_FOLDER, 0700) && errno != EEXIST)
		return lock_failed(error, -errno, "make the folder " STOQ_XDP_LOCK_FOLDER);
	*lock = open(STOQ_XDP_LOCK, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0)
		return lock_failed(error, -errno, "open " STOQ_XDP_LOCK);
	result = stoq_lock_wait(*lock, STOQ_XDP_LOCK, wait_ns, error);
	if (result)
		close(*lock);
	return result;
}

/* ---- limits ---- */

void stoq_xdp_rate_set(struct stoq_xdp_rate *rate, const struct stoq_xdp_limit *limit)
{
	uint64_t interval_ns = limit->per_second ? SECOND_NS / limit->per_second : 0;

	STORE(rate->tolerance_ns, limit->burst ? (limit->burst - 1) * interval_ns : 0);
	STORE(rate->interval_ns, interval_ns);
	STORE(rate->per_second, limit->per_second);
	STORE(rate->burst, limit->burst);
}

int stoq_xdp_limit_parse(struct stoq_xdp_limit *limit, const char *text, struct stoq_error *error)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t per_second, burst;
	char number[16];

	if (strcmp(text, "off") == 0) {
		*limit = (struct stoq_xdp_limit){.per_second = 0, .burst = 1};
		return 0;
	}
	snprintf(number, sizeof(number), "%.*s", (int)(length < 15 ? length : 15), text);
	if (stoq_parse_number(number, 1, STOQ_XDP_RATE_MAX, &per_second))
		return stoq_error_set(error, -EINVAL,
			"'%.40s' is no rate: 1 to %d a second, with a burst behind a colon if you "
			"like "
			"(1000:200), or `off`",
			text, STOQ_XDP_RATE_MAX);
	burst = per_second >= 10 ? per_second / 10 : 1;
	if (colon && stoq_parse_number(colon + 1, 1, STOQ_XDP_BURST_MAX, &burst))
		return stoq_error_set(error, -EINVAL, "'%.40s': the burst must be 1 to %d", text,
			STOQ_XDP_BURST_MAX);
	*limit = (struct stoq_xdp_limit){(uint32_t)per_second, (uint32_t)burst};
	return 0;
}

void stoq_xdp_set_limit(struct stoq_xdp_maps *maps, enum stoq_xdp_limit_kind kind,
	const struct stoq_xdp_limit *limit)
{
	struct stoq_xdp_rate *rates[STOQ_XDP_LIMITS] = {
		[STOQ_XDP_LIMIT_SOURCE] = &maps->config->source,
		[STOQ_XDP_LIMIT_TOTAL] = &maps->config->total,
		[STOQ_XDP_LIMIT_UNPROVEN] = &maps->config->unproven,
	};

	stoq_xdp_rate_set(rates[kind], limit);
}

/* ---- ports and flags ---- */

void stoq_xdp_set_port(struct stoq_xdp_maps *maps, uint16_t port, bool ours)
{
	uint64_t bit = 1ull << port % 64;

	if (ours)
		__atomic_fetch_or(&maps->ports[port / 64], bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&maps->ports[port / 64], ~bit, __ATOMIC_RELEASE);
}

bool stoq_xdp_has_port(const struct stoq_xdp_maps *maps, uint16_t port)
{
	return maps->ports[port / 64] >> port % 64 & 1;
}

void stoq_xdp_set_flags(struct stoq_xdp_maps *maps, uint32_t flags, bool on)
{
	if (on)
		__atomic_fetch_or(&maps->config->flags, flags, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&maps->config->flags, ~flags, __ATOMIC_RELEASE);
}

/* ---- prefixes ---- */

static int list_fd(const struct stoq_xdp_maps *maps, enum stoq_xdp_list list)
{
	return maps->fd[list == STOQ_XDP_ALLOWED ? STOQ_XDP_MAP_ALLOW : STOQ_XDP_MAP_DENY];
}

/* Their number decides whether the program looks; the generation, that it looks again. */
static void announce(struct stoq_xdp_maps *maps, enum stoq_xdp_list list, size_t count)
{
	if (list == STOQ_XDP_ALLOWED)
		STORE(maps->config->allow_prefixes, (uint32_t)count);
	else
		STORE(maps->config->deny_prefixes, (uint32_t)count);
	__atomic_fetch_add(&maps->config->generation, 1, __ATOMIC_RELEASE);
}

static int prefix_failed(struct stoq_error *error, int code, bool adding, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefix)
{
	const char *name = list == STOQ_XDP_ALLOWED ? "allowed" : "denied";
	char text[STOQ_XDP_PREFIX_TEXT];

	stoq_xdp_prefix_print(text, prefix);
	if (code == -ENOSPC)
		return stoq_error_set(error, code,
			"cannot add the prefix %s: the list of %s ones is full with %d; take some "
			"away (--remove), or join neighbours to shorter ones",
			text, name, STOQ_XDP_PREFIXES_MAX);
	if (code == -ENOENT)
		return stoq_error_set(error, code,
			"%s is not one of the %s prefixes (`stoq xdp status` lists them)", text,
			name);
	return stoq_error_set(error, code, "cannot %s the prefix %s: %s", adding ? "add" : "remove",
		text, strerror(-code));
}

int stoq_xdp_add_prefixes(struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefixes, size_t count, struct stoq_error *error)
{
	struct stoq_xdp_rule rule = {0};
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		result = bpf_map_update_elem(list_fd(maps, list), &prefixes[i], &rule, BPF_NOEXIST);
		if (result == -EEXIST)
			result = 0;
		if (result)
			prefix_failed(error, result, true, list, &prefixes[i]);
	}
	announce(maps, list, stoq_xdp_list_prefixes(maps, list, NULL, 0));
	return result;
}

/* How many of a list these are not. */
static size_t count_others(const struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefixes, size_t count)
{
	size_t others = stoq_xdp_list_prefixes(maps, list, NULL, 0);
	struct stoq_xdp_prefix key, *last = NULL;
	int fd = list_fd(maps, list);

	while (others && bpf_map_get_next_key(fd, last, &key) == 0) {
		last = &key;
		for (size_t i = 0; i < count; i++)
			if (memcmp(&key, &prefixes[i], sizeof(key)) == 0) {
				others--;
				break;
			}
	}
	return others;
}

int stoq_xdp_remove_prefixes(struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	const struct stoq_xdp_prefix *prefixes, size_t count, struct stoq_error *error)
{
	int result = 0;

	/* An empty allow list would refuse every source. */
	if (count_others(maps, list, prefixes, count) == 0)
		announce(maps, list, 0);
	for (size_t i = 0; i < count; i++) {
		int code = bpf_map_delete_elem(list_fd(maps, list), &prefixes[i]);

		if (code && !result)
			result = prefix_failed(error, code, false, list, &prefixes[i]);
	}
	announce(maps, list, stoq_xdp_list_prefixes(maps, list, NULL, 0));
	return result;
}

size_t stoq_xdp_list_prefixes(const struct stoq_xdp_maps *maps, enum stoq_xdp_list list,
	struct stoq_xdp_prefix_entry *entries, size_t max)
{
	struct stoq_xdp_prefix key, *last = NULL;
	int fd = list_fd(maps, list);
	struct stoq_xdp_rule rule;
	size_t count = 0;

	while (count < STOQ_XDP_PREFIXES_MAX && bpf_map_get_next_key(fd, last, &key) == 0) {
		if (count < max) {
			entries[count].prefix = key;
			entries[count].packets =
				bpf_map_lookup_elem(fd, &key, &rule) == 0 ? rule.packets : 0;
		}
		count++;
		last = &key;
	}
	return count;
}

/* ---- connections ---- */

static int end_id(struct stoq_xdp_maps *maps, const struct stoq_cid *cid, enum stoq_xdp_state state,
	bool alias)
{
	const struct stoq_xdp_connection connection = {
		.tag = cid->tag,
		.last_ns = stoq_clock_read_ns(CLOCK_MONOTONIC_COARSE),
		.state = (uint8_t)state,
		.alias = alias,
	};

	return bpf_map_update_elem(
		maps->fd[STOQ_XDP_MAP_CONNS], &cid->random, &connection, BPF_ANY);
}

/* The ID that the connection counts by already; the first one if it does by none. */
static size_t find_counted(
	const struct stoq_xdp_maps *maps, const struct stoq_cid *cids, size_t count)
{
	struct stoq_xdp_connection connection;

	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(
			    maps->fd[STOQ_XDP_MAP_CONNS], &cids[i].random, &connection) &&
			connection.tag == cids[i].tag && !connection.alias)
			return i;
	return 0;
}

int stoq_xdp_end_connection(struct stoq_xdp_maps *maps, const struct stoq_cid *cids, size_t count,
	enum stoq_xdp_state state)
{
	size_t counted = find_counted(maps, cids, count);
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		int code = end_id(maps, &cids[i], state, i != counted);

		if (code)
			result = code;
	}
	return result;
}

int stoq_xdp_retire_id(struct stoq_xdp_maps *maps, const struct stoq_cid *cid)
{
	return end_id(maps, cid, STOQ_XDP_CLOSED, true);
}
