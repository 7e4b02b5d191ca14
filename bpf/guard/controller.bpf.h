/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * Whose controllers they are. The Connect of an I/O queue names a controller (CNTLID), and a host once more. nvmet compares that
 * host with the one that made the controller (nvmet_ctrl_find_get()). SPDK does not (lib/nvmf/ctrlr.c, _nvmf_ctrlr_add_io_qpair()), and
 * authenticates the queue as the controller's host (lib/nvmf/auth.c). So a host could authenticate itself as one, and be
 * judged as another.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"

static __always_inline __u64 stoq_guard_number_of(const struct stoq_guard_nqn *nqn)
{
	__u64 number = 0;

	for (__u32 word = 0; word < STOQ_GUARD_NQN_WORDS; word++) {
		number = (number ^ nqn->words[word]) * 0x9e3779b97f4a7c15ull;
		number ^= number >> 32;
	}
	return number;
}

static __always_inline struct stoq_guard_controllers *stoq_guard_controllers_at(
	__u64 subsystem, __u32 cntlid)
{
	__u32 place = (subsystem + cntlid) % STOQ_GUARD_CONTROLLER_PLACES;

	return bpf_map_lookup_elem(&stoq_guard_controllers, &place);
}

/* Its admin queue is open: the names of its Connect go with its flow. NULL: it is not. */
static __always_inline struct nvme_connect_data *stoq_guard_maker_of(
	const struct stoq_guard_controller *controller)
{
	__u32 uid = controller->uid;

	return uid ? bpf_map_lookup_elem(&stoq_guard_names, &uid) : 0;
}

/* An admin queue's Connect has been accepted: its host has made this controller. Global: verified once. */
__noinline int stoq_guard_note_controller(struct stoq_flow *flow, __u32 cntlid)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_controllers *controllers;
	struct nvme_connect_data *data;
	__u64 subsystem;
	__u32 uid;

	if (!flow || !guard)
		return 0;
	uid = flow->uid;
	data = bpf_map_lookup_elem(&stoq_guard_names, &uid);
	if (!data)
		return 0;
	stoq_guard_nqn_load(&guard->nqn, data->subnqn);
	subsystem = stoq_guard_number_of(&guard->nqn);
	controllers = stoq_guard_controllers_at(subsystem, cntlid);
	if (!controllers)
		return 0;
	for (__u32 i = 0; i < STOQ_GUARD_CONTROLLER_WAYS; i++) {
		struct stoq_guard_controller *controller = &controllers->ways[i];

		if (stoq_guard_maker_of(controller))
			continue;
		controller->uid = 0; /* until it is whole */
		controller->subsystem = subsystem;
		controller->cntlid = cntlid;
		controller->uid = uid;
		return 0;
	}
	return 0;
}

static __always_inline int stoq_guard_is_same_name(
	const struct stoq_guard_nqn *one, const struct stoq_guard_nqn *other)
{
	__u64 difference = 0;

	for (__u32 word = 0; word < STOQ_GUARD_NQN_WORDS; word++)
		difference |= one->words[word] ^ other->words[word];
	return !difference;
}

/* The host that made this controller, if it is the one of guard->controller and that is open, into guard->maker. 0: it is not. */
static __always_inline int stoq_guard_load_maker(
	struct stoq_guard_cpu *guard, const struct stoq_guard_controller *controller)
{
	struct nvme_connect_data *maker;

	if (controller->cntlid != guard->controller.cntlid ||
		controller->subsystem != guard->controller.subsystem)
		return 0;
	maker = stoq_guard_maker_of(controller);
	if (!maker)
		return 0;
	stoq_guard_nqn_load(&guard->maker, maker->hostnqn);
	return 1;
}

/*
 * The data of an I/O queue's Connect. 1: its controller was made by a host of another name. Two subsystems of one name, on two machines,
 * may have the same CNTLIDs: one of their hosts has to be this one. Global: verified once. What it remembers is in guard: Linux 6.1 has no
 * room for more than 96 bytes of stack here.
 */
__noinline int stoq_guard_meet_controller(const struct nvme_connect_data *data)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	struct stoq_guard_controllers *controllers;

	if (!data || !guard)
		return 0;
	stoq_guard_nqn_load(&guard->nqn, data->subnqn);
	guard->controller.subsystem = stoq_guard_number_of(&guard->nqn);
	guard->controller.cntlid = nvme_le16(data->cntlid);
	stoq_guard_nqn_load(&guard->nqn, data->hostnqn);
	*(volatile __u32 *)&guard->foreign = 0;
	controllers =
		stoq_guard_controllers_at(guard->controller.subsystem, guard->controller.cntlid);
	if (!controllers)
		return 0;
	for (__u32 i = 0; i < STOQ_GUARD_CONTROLLER_WAYS; i++) {
		if (!stoq_guard_load_maker(guard, &controllers->ways[i]))
			continue;
		if (stoq_guard_is_same_name(&guard->maker, &guard->nqn))
			return 0;
		*(volatile __u32 *)&guard->foreign = 1;
	}
	return *(volatile __u32 *)&guard->foreign;
}
