// SPDX-License-Identifier: BSD-2-Clause
#include "guard/view.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ebpf/map_dump.h"
#include "ebpf/percpu.h"
#include "flow/identity.h"
#include "guard/room.h"

#define LOG_BYTES   (STOQ_GUARD_LOG_RECORDS * sizeof(struct stoq_guard_record))
#define STATE_BYTES sizeof(struct stoq_guard_state)

/* ---- opening ---- */

static size_t value_size(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.value_size;
}

static int open_maps(struct stoq_guard_view *view, struct stoq_error *error)
{
	const struct {
		const char *item;
		int *fd;
		size_t value_size;
	} maps[] = {{"stoq_guard_totals", &view->totals_fd, sizeof(struct stoq_guard_totals)},
		{"stoq_flows", &view->flows_fd, sizeof(struct stoq_flow)},
		{"stoq_guard_names", &view->names_fd, sizeof(struct nvme_connect_data)},
		{"stoq_connects", &view->connects_fd, sizeof(struct nvme_connect_data)},
		{"stoq_guard_identities", &view->identities_fd,
			sizeof(struct stoq_guard_identity)}};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = stoq_guard_pins_open(&view->pins, maps[i].item, false, error);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
		if (value_size(*maps[i].fd) != maps[i].value_size)
			return stoq_error_set(error, -EPROTO,
				"guard %s runs the program of another version of stoq (%.11s), "
				"whose tables this one cannot read; `stoq guard on --replace "
				"--name %s FILE` puts this version's in its place",
				view->pins.name, view->manifest.version, view->pins.name);
	}
	return 0;
}

/* The kernel takes a mapping of a descriptor that is only for reading for a private one, and
 * refuses it: so this one is for writing, too. */
static int map_item(const struct stoq_guard_view *view, const char *item, size_t bytes,
	const void **memory, struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(&view->pins, item, true, error);
	void *mapped;

	if (fd < 0)
		return fd;
	mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		return stoq_error_set(
			error, -errno, "cannot map the guard's %s: %s", item, strerror(errno));
	*memory = mapped;
	return 0;
}

static int open_all(struct stoq_guard_view *view, struct stoq_error *error)
{
	int result = stoq_guard_manifest_read(&view->pins, &view->manifest, error);

	if (!result)
		result = open_maps(view, error);
	if (!result)
		result = map_item(
			view, "stoq_guard_log", LOG_BYTES, (const void **)&view->records, error);
	if (!result)
		result = map_item(
			view, "stoq_guard_state", STATE_BYTES, (const void **)&view->state, error);
	return result;
}

int stoq_guard_view_open(struct stoq_guard_view *view, const char *name, struct stoq_error *error)
{
	int result;

	*view = (struct stoq_guard_view){.totals_fd = -1,
		.flows_fd = -1,
		.names_fd = -1,
		.connects_fd = -1,
		.identities_fd = -1,
		.in_force.counts_fd = -1};
	result = stoq_guard_pins_init(&view->pins, name, error);
	if (result)
		return result;
	result = open_all(view, error);
	if (result)
		stoq_guard_view_close(view);
	if (result == -ENOENT)
		return stoq_error_set(error, result, "no guard %s is on", name);
	return result;
}

bool stoq_guard_view_is_current(const struct stoq_guard_view *view)
{
	int fd = stoq_guard_pins_open(&view->pins, "stoq_guard_totals", false, NULL);
	bool same = fd >= 0 && stoq_guard_map_id(fd) == stoq_guard_map_id(view->totals_fd);

	if (fd >= 0)
		close(fd);
	return same;
}

static void forget_policy(struct stoq_guard_view *view)
{
	if (view->policy_known)
		stoq_guard_policy_free(&view->policy);
	view->policy_known = false;
	stoq_guard_in_force_free(&view->in_force);
}

void stoq_guard_view_close(struct stoq_guard_view *view)
{
	const int fds[] = {view->totals_fd, view->flows_fd, view->names_fd, view->connects_fd,
		view->identities_fd};

	forget_policy(view);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (view->records)
		munmap((void *)view->records, LOG_BYTES);
	if (view->state)
		munmap((void *)view->state, STATE_BYTES);
}

int stoq_guard_view_policy(struct stoq_guard_view *view, struct stoq_error *error)
{
	struct stoq_guard_mistakes mistakes = {0};
	int result;

	forget_policy(view);
	result = stoq_guard_in_force_read(&view->pins, &view->in_force, error);
	if (result)
		return result;
	view->policy_known = stoq_guard_policy_parse_texts(&view->policy, view->in_force.path,
				     &view->in_force.texts, false, &mistakes) == 0;
	stoq_guard_mistakes_free(&mistakes);
	return 0;
}

int stoq_guard_view_refresh(struct stoq_guard_view *view, struct stoq_error *error)
{
	uint32_t id;
	int result = stoq_guard_manifest_read(&view->pins, &view->manifest, error);

	if (!result)
		result = stoq_guard_in_force_id(&view->pins, &id, error);
	if (!result && view->in_force.installed && view->in_force.id == id)
		return 0;
	return result ? result : stoq_guard_view_policy(view, error);
}

/* ---- whose ---- */

bool stoq_guard_view_connect(
	const struct stoq_guard_view *view, uint32_t uid, struct nvme_connect_data *connect)
{
	/* Connections that are over are only in the second one, as long as it has room. */
	return bpf_map_lookup_elem(view->names_fd, &uid, connect) == 0 ||
	       bpf_map_lookup_elem(view->connects_fd, &uid, connect) == 0;
}

static void copy_nqn(char *nqn, const char *field)
{
	memcpy(nqn, field, NVME_NQN_LENGTH - 1);
	nqn[NVME_NQN_LENGTH - 1] = '\0';
}

/* When it was decided about, its names were not kept yet. */
static bool is_connect(const struct stoq_guard_record *record)
{
	return record->kind == STOQ_GUARD_RECORD_CLONE ||
	       (record->table == STOQ_GUARD_FABRICS && record->code == NVME_FABRICS_CONNECT);
}

void stoq_guard_view_identify(const struct stoq_guard_view *view,
	const struct stoq_guard_record *record, struct stoq_identity *identity)
{
	struct stoq_flow flow = {.host_is_a = record->host_is_a,
		.connected = record->qid != 0xffff,
		.qid = record->qid,
		.cntlid = 0xffff};
	struct nvme_connect_data connect;
	struct stoq_guard_identity known;
	bool connected;

	connected = (record->known || is_connect(record)) &&
		    stoq_guard_view_connect(view, record->uid, &connect);
	flow.connected |= connected;
	stoq_identity_from_flow(identity, &record->flow, &flow, connected ? &connect : NULL);
	/* The data of a Connect that is refused are not kept. The other machine has the same NQN. */
	if (record->kind == STOQ_GUARD_RECORD_CLONE && !connected &&
		stoq_guard_view_connect(view, record->other_uid, &connect))
		copy_nqn(identity->host_nqn, connect.hostnqn);
	if (!record->known || (connected && identity->host_nqn[0]))
		return;
	if (bpf_map_lookup_elem(view->identities_fd, &record->flow, &known) == 0) {
		copy_nqn(identity->host_nqn, known.host);
		copy_nqn(identity->subsystem_nqn, known.subsystem);
	}
}

bool stoq_guard_view_host_id(
	const struct stoq_guard_view *view, uint32_t uid, uint8_t id[static 16])
{
	struct nvme_connect_data connect;

	if (!stoq_guard_view_connect(view, uid, &connect))
		return false;
	memcpy(id, connect.hostid, sizeof(connect.hostid));
	return true;
}

/* ---- counting ---- */

int stoq_guard_view_counts(
	const struct stoq_guard_view *view, uint64_t counts[static STOQ_GUARD_RULES_MAX + 1])
{
	return stoq_percpu_sum(view->in_force.counts_fd, counts, STOQ_GUARD_RULES_MAX + 1);
}

int stoq_guard_view_totals(
	const struct stoq_guard_view *view, uint64_t totals[static STOQ_GUARD_TOTALS])
{
	return stoq_percpu_sum(view->totals_fd, totals, STOQ_GUARD_TOTALS);
}

static bool is_known(const struct stoq_guard_view *view, const struct stoq_flow_key *key,
	const struct stoq_flow *flow)
{
	struct nvme_connect_data connect;
	struct stoq_guard_identity known;

	return (flow && flow->connected && stoq_guard_view_connect(view, flow->uid, &connect)) ||
	       bpf_map_lookup_elem(view->identities_fd, key, &known) == 0;
}

bool stoq_guard_view_knows(
	const struct stoq_guard_view *view, const struct stoq_flow_known *connection)
{
	struct stoq_flow_key key;
	struct stoq_flow flow;
	uint8_t host_is_a;
	bool seen;

	stoq_flow_identity_key(&key, &host_is_a, connection);
	seen = bpf_map_lookup_elem(view->flows_fd, &key, &flow) == 0;
	return is_known(view, &key, seen ? &flow : NULL);
}

static void count_flow(const struct stoq_guard_view *view, const struct stoq_flow_key *key,
	const struct stoq_flow *flow, struct stoq_guard_connections *connections)
{
	enum stoq_flow_state state = stoq_flow_state_of(flow);

	if (state == STOQ_FLOW_CLOSED)
		return;
	if (is_known(view, key, flow))
		connections->known++;
	else
		connections->unknown++;
	if (state != STOQ_FLOW_SYNCED)
		connections->unfollowed++;
}

int stoq_guard_view_connections(
	const struct stoq_guard_view *view, struct stoq_guard_connections *connections)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	struct stoq_map_dump flows;
	int result = bpf_obj_get_info_by_fd(view->flows_fd, &info, &length);

	*connections = (struct stoq_guard_connections){0};
	if (!result && info.value_size != sizeof(struct stoq_flow))
		result = -EPROTO;
	if (!result)
		result = stoq_map_dump_init(&flows, sizeof(struct stoq_flow_key),
			sizeof(struct stoq_flow), info.max_entries);
	if (result)
		return result;
	result = stoq_map_dump_read(&flows, view->flows_fd);
	for (size_t i = 0; !result && i < flows.count; i++)
		count_flow(view, stoq_map_dump_key(&flows, i), stoq_map_dump_value(&flows, i),
			connections);
	stoq_map_dump_free(&flows);
	return result ? result : stoq_guard_room_read(&view->pins, &connections->room);
}

enum stoq_keep_state stoq_guard_view_side(const struct stoq_guard_view *view, size_t side)
{
	char path[STOQ_GUARD_PATH_BYTES];
	uint32_t program_id;

	return stoq_attach_keep_look(&view->manifest.sides[side],
		stoq_guard_link_path(&view->pins, side, path), &program_id);
}
