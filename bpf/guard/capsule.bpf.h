/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/*
 * How much data a capsule may have. With a command that it does not support, nvmet takes the data off
 * the stream only if there are no more than its port's inline_data_size; it reads what is longer as
 * PDUs (nvmet_tcp_handle_req_failure()). So a strict guard has to know what the controller takes:
 * its IOCCSZ says so, in the answer to Identify Controller on the admin queue. It holds for all
 * queues of hosts that connect to this subsystem at this address.
 */
#include "bpf/guard/guard.bpf.h"
#include "bpf/guard/maps.bpf.h"
#include "bpf/stream/maps.bpf.h"
#include "nvme/nvme_tcp_check.h"

#define STOQ_GUARD_CAPSULE_SMALL   1024	 /* Connect's data: no controller takes less */
#define STOQ_GUARD_CAPSULE_UNKNOWN 4096	 /* taken by SPDK and nvmet as they come */
#define STOQ_GUARD_CAPSULE_UNSEEN  16384 /* by nvmet as it comes, if IOCCSZ was sent and missed */

/* Where the controller's IOCCSZ is kept. 0: its subsystem is not known. */
static __always_inline int stoq_guard_capsule_key(
	const struct stoq_flow *flow, struct stoq_guard_cpu *guard)
{
	struct stoq_guard_capsule_key *key;
	struct nvme_connect_data *data;
	__u32 uid = flow->uid;

	if (!flow->guard.named)
		return 0;
	data = bpf_map_lookup_elem(&stoq_connects, &uid);
	if (!data)
		return 0;
	key = &guard->capsule_key;
	__builtin_memcpy(key->address,
		flow->host_is_a ? guard->segment.key.address_b : guard->segment.key.address_a,
		sizeof(key->address));
	key->port = flow->host_is_a ? guard->segment.key.port_b : guard->segment.key.port_a;
	key->vlan_id = guard->segment.key.vlan_id;
	__builtin_memcpy(key->subsystem, data->subnqn, sizeof(key->subsystem));
	return 1;
}

/* ---- the controller's IOCCSZ ---- */

__noinline int stoq_guard_capsule_learned(
	const struct stoq_flow *flow, __u32 bytes, __u32 update_flags)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (flow && guard && stoq_guard_capsule_key(flow, guard))
		bpf_map_update_elem(
			&stoq_guard_capsules, &guard->capsule_key, &bytes, update_flags);
	return 0;
}

/* The host asks for Identify Controller. */
static __always_inline void stoq_guard_on_identify(
	struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	if (sqe->opcode != NVME_ADMIN_IDENTIFY || flow->kind != NVME_QUEUE_ADMIN ||
		(nvme_le32(sqe->cdw10) & 0xff) != NVME_IDENTIFY_CONTROLLER)
		return;
	flow->guard.identify_cid = nvme_le16(sqe->command_id);
	flow->guard.identify = STOQ_GUARD_IDENTIFY_ASKED;
}

/* Data of the controller's: those that have IOCCSZ? */
static __always_inline void stoq_guard_on_identify_data(
	struct stoq_flow *flow, const struct nvme_tcp_data_pdu *pdu, __u32 sequence)
{
	__u32 offset = nvme_le32(pdu->data_offset), place = NVME_IDENTIFY_IOCCSZ - offset;

	if (nvme_le16(pdu->command_id) != flow->guard.identify_cid ||
		offset > NVME_IDENTIFY_IOCCSZ ||
		place + sizeof(__u32) > nvme_tcp_data_length(&pdu->hdr))
		return;
	flow->guard.identify = STOQ_GUARD_IDENTIFY_COMES;
	flow->guard.ioccsz_at = sequence + pdu->hdr.pdo + place;
	flow->guard.ioccsz_bytes = 0;
	flow->guard.ioccsz = 0;
}

/*
 * Its answer is complete: what has not been seen of it will not be. That its segment came too early
 * is nothing that a host can bring about.
 */
static __always_inline void stoq_guard_on_identified(struct stoq_flow *flow, __u32 cid)
{
	if (cid != flow->guard.identify_cid)
		return;
	if (flow->guard.identify == STOQ_GUARD_IDENTIFY_COMES)
		stoq_guard_capsule_learned(flow, STOQ_GUARD_CAPSULE_UNSEEN, BPF_NOEXIST);
	flow->guard.identify = STOQ_GUARD_IDENTIFY_NO;
}

/* One byte of the payload, of the packet or of early bytes. 0, or not: it is not there. */
static __always_inline int stoq_guard_load_byte(
	struct __sk_buff *skb, struct stoq_cpu *cpu, __u32 at, __u8 *byte)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);

	if (!cpu->early)
		return bpf_skb_load_bytes(skb, cpu->payload_offset + at, byte, 1) != 0;
	if (!guard || !stoq_early_load(cpu, at, &guard->room))
		return 1;
	*byte = guard->room.bytes[0];
	return 0;
}

/* IOCCSZ counts 16 bytes, the command's 64 included; segments may cut it like everything else. */
__noinline int stoq_guard_collect_ioccsz(
	struct __sk_buff *skb, struct stoq_flow *flow, struct stoq_cpu *cpu)
{
	__u32 at;

	if (!flow || !cpu)
		return 0;
	for (__u32 i = 0; i < sizeof(__u32); i++) {
		__u8 byte;

		if (flow->guard.ioccsz_bytes != i)
			continue;
		at = flow->guard.ioccsz_at + i - cpu->sequence;
		if (at >= cpu->payload_bytes || stoq_guard_load_byte(skb, cpu, at, &byte))
			return 0;
		flow->guard.ioccsz |= (__u32)byte << (8 * i);
		flow->guard.ioccsz_bytes = i + 1;
	}
	flow->guard.identify = STOQ_GUARD_IDENTIFY_NO;
	at = flow->guard.ioccsz;
	if (at >= sizeof(struct nvme_sqe) / 16 && at < 1 << 24)
		stoq_guard_capsule_learned(flow, at * 16 - sizeof(struct nvme_sqe), BPF_ANY);
	return 0;
}

/* ---- what the host may send ---- */

/* The controller's IOCCSZ, if it has been seen, for this queue from now on. */
__noinline int stoq_guard_capsule_known(struct stoq_flow *flow)
{
	struct stoq_guard_cpu *guard = stoq_first(&stoq_guard_cpus);
	__u32 *bytes = 0;

	if (!flow || !guard)
		return 0;
	if (stoq_guard_capsule_key(flow, guard))
		bytes = bpf_map_lookup_elem(&stoq_guard_capsules, &guard->capsule_key);
	flow->guard.capsule_bytes = bytes ? *bytes : STOQ_GUARD_CAPSULE_UNKNOWN;
	return 0;
}

/*
 * Admin and Fabrics commands may have 8 KiB (TCP transport 1.0c, 3.3.1.2), which SPDK takes
 * whatever its IOCCSZ is; nvmet goes by its port's inline_data_size there, too.
 */
static __always_inline __u32 stoq_guard_capsule_limit(
	const struct stoq_flow *flow, const struct nvme_sqe *sqe)
{
	__u32 bytes = flow->guard.capsule_bytes;

	if (flow->kind == NVME_QUEUE_IO && sqe->opcode != NVME_OPCODE_FABRICS)
		return bytes;
	return bytes < NVME_TCP_ADMIN_DATA_MAX ? bytes : NVME_TCP_ADMIN_DATA_MAX;
}

/* Whether the controller takes this much data in the capsule of this command. */
static __always_inline int stoq_guard_capsule_fits(
	struct stoq_flow *flow, const struct nvme_sqe *sqe, __u32 data)
{
	if (data <= STOQ_GUARD_CAPSULE_SMALL)
		return 1;
	if (!flow->guard.capsule_bytes)
		stoq_guard_capsule_known(flow);
	if (data <= stoq_guard_capsule_limit(flow, sqe))
		return 1;
	/* What was not known may be by now; what was may have changed. */
	stoq_guard_capsule_known(flow);
	return data <= stoq_guard_capsule_limit(flow, sqe);
}
