// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/identity.h"

#include <string.h>

#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"
#include "tunnel/counts.h"
#include "tunnel/link.h"
#include "tunnel/nqn_text.h"

/* Connect Invalid Host, Connect Invalid Parameters (NVMe over Fabrics, Base
 * specification 2.0c, 6.3). */
#define CONNECT_INVALID_PARAMETERS NVME_STATUS(1, 0x82)
#define CONNECT_INVALID_HOST	   NVME_STATUS(1, 0x84)

/* The data of a Connect capsule, which may lie anywhere. False: it has not what one must have. */
static bool connect_data(const struct nvme_tcp_cmd_pdu *command, const uint8_t *pdu, size_t size,
	struct nvme_connect_data *data)
{
	if (nvme_tcp_data_length(&command->hdr) < sizeof(*data) ||
		command->hdr.pdo + sizeof(*data) > size)
		return false;
	memcpy(data, pdu + command->hdr.pdo, sizeof(*data));
	/* What is longer than an NQN can be is not one: nvmet compares no more (NVMF_NQN_SIZE), and would take it for another. */
	return memchr(data->hostnqn, 0, NVME_NQN_MAX + 1) &&
	       memchr(data->subnqn, 0, NVME_NQN_MAX + 1);
}

static bool has_name(const struct stoq_carrier *carrier, const char *nqn)
{
	for (unsigned int i = 0; i < carrier->name_count; i++)
		if (carrier->names[i].kind == STOQ_NAME_URI &&
			strcmp(carrier->names[i].text, nqn) == 0)
			return true;
	return false;
}

static void log_refusal(const struct stoq_tunnel_link *link, const char *nqn)
{
	char text[NVME_NQN_LENGTH];

	stoq_tunnel_log(link->worker->tunnel, STOQ_LOG_WARNING,
		"%s: refused: its certificate does not name host NQN %s; `stoq pki issue --uri` "
		"puts NQNs into "
		"certificates",
		link->carrier->peer, stoq_nqn_text(text, nqn));
}

/* The controller that a Connect, or its answer, is about. */
static struct stoq_controller_key controller_of(
	const struct stoq_tunnel_link *link, uint16_t cntlid)
{
	return (struct stoq_controller_key){.target = link->target,
		.subsystem_nqn = link->subsystem_nqn,
		.host_nqn = link->host_nqn,
		.cntlid = cntlid};
}

void stoq_identity_connected(struct stoq_tunnel_link *link, uint16_t cntlid)
{
	const struct stoq_controller_key key = controller_of(link, cntlid);

	if (!link->mux.qid)
		link->controller = stoq_controller_add(&link->worker->tunnel->controllers, &key);
}

/* False: it is the Connect of an I/O queue, and its host has not made the controller. */
static bool has_controller(const struct stoq_tunnel_link *link,
	const struct nvme_tcp_cmd_pdu *command, const struct nvme_connect_data *data)
{
	const struct nvme_connect_sqe *sqe = (const void *)&command->sqe;
	const struct stoq_controller_key key = controller_of(link, nvme_le16(data->cntlid));
	char host[NVME_NQN_LENGTH];

	if (!nvme_le16(sqe->qid) ||
		stoq_controller_is_there(&link->worker->tunnel->controllers, &key))
		return true;
	stoq_tunnel_log(link->worker->tunnel, STOQ_LOG_WARNING,
		"%s: refused: host %s connects I/O queue %u of controller %u, which it has not made here",
		link->carrier->peer, stoq_nqn_text(host, link->host_nqn), nvme_le16(sqe->qid),
		key.cntlid);
	return false;
}

/* Status of a Connect whose host is not proven, 0: it is. */
static uint16_t check_connect(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size)
{
	struct nvme_connect_data data;

	if (!connect_data(command, pdu, size, &data))
		return CONNECT_INVALID_PARAMETERS;
	memcpy(link->host_nqn, data.hostnqn, sizeof(link->host_nqn));
	memcpy(link->subsystem_nqn, data.subnqn, sizeof(link->subsystem_nqn));
	link->subject = (struct stoq_policy_subject){
		.host_nqn = link->host_nqn, .subsystem_nqn = link->subsystem_nqn};
	stoq_rates_leave(link->worker->tunnel->rates, &link->rates);
	if (!link->worker->tunnel->config.any_host_nqn && !has_name(link->carrier, data.hostnqn)) {
		stoq_count_identity_refusal(link->carrier);
		log_refusal(link, data.hostnqn);
		return CONNECT_INVALID_HOST;
	}
	if (has_controller(link, command, &data))
		return 0;
	stoq_count_identity_refusal(link->carrier);
	return CONNECT_INVALID_HOST;
}

/* At most one line a second and queue. */
static void report(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const struct stoq_policy_verdict *verdict)
{
	char opcode[NVME_NAME_LENGTH], status[NVME_NAME_LENGTH], host[NVME_NQN_LENGTH];
	uint64_t now_ns = link->worker->now_ns;

	link->reports_held++;
	if (now_ns < link->report_due_ns)
		return;
	link->report_due_ns = now_ns + 1000000000ull;
	stoq_tunnel_log(link->worker->tunnel, verdict->status ? STOQ_LOG_WARNING : STOQ_LOG_INFO,
		"%s, host %s, QID %u: %s on namespace %u: %s by %s%s%s; %llu such commands since the "
		"last report",
		link->carrier->peer, stoq_nqn_text(host, link->host_nqn), link->mux.qid,
		nvme_opcode_name(link->subject.kind, command->sqe.opcode,
			nvme_le32(command->sqe.nsid) & 0xff, opcode),
		nvme_le32(command->sqe.nsid),
		verdict->status	  ? "refused"
		: verdict->denied ? "would be refused (audit)"
				  : "logged",
		verdict->rule, verdict->status ? ": " : "",
		verdict->status ? nvme_status_name(link->subject.kind, command->sqe.opcode,
					  verdict->status, status)
				: "",
		(unsigned long long)link->reports_held);
	link->reports_held = 0;
}

static void decide(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size, struct stoq_policy_verdict *verdict)
{
	if (!link->subject.host_nqn)
		link->subject = (struct stoq_policy_subject){
			.host_nqn = link->host_nqn, .subsystem_nqn = link->subsystem_nqn};
	link->subject.kind = link->mux.qid ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	stoq_tunnel_policy_judge(link->worker->policy, &link->subject, command, pdu, size, verdict);
}

bool stoq_identity_denies(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size)
{
	bool whole = size == nvme_le32(command->hdr.plen);
	struct stoq_policy_verdict verdict = {0};

	if (command->sqe.opcode == NVME_NVM_DATASET_MANAGEMENT && !whole)
		return false;
	decide(link, command, pdu, size, &verdict);
	return verdict.status != 0;
}

static uint16_t ask_policy(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size)
{
	struct stoq_policy_verdict verdict = {0};

	if (!link->worker->policy)
		return 0;
	decide(link, command, pdu, size, &verdict);
	if (verdict.status)
		stoq_count_policy_refusal(link, &verdict);
	if (verdict.logged)
		report(link, command, &verdict);
	return verdict.status;
}

uint16_t stoq_identity_judge(struct stoq_tunnel_link *link, const struct nvme_tcp_cmd_pdu *command,
	const uint8_t *pdu, size_t size)
{
	const struct nvme_fabrics_sqe *sqe = (const void *)&command->sqe;
	uint16_t status = 0;

	if (sqe->opcode == NVME_OPCODE_FABRICS && sqe->fctype == NVME_FABRICS_CONNECT)
		status = check_connect(link, command, pdu, size);
	return status ? status : ask_policy(link, command, pdu, size);
}
