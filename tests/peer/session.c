// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvme/nvme_names.h"

#define PATIENCE_MS    10000
#define ADMIN_DEPTH    32
#define IDENTIFY_BYTES 4096

int peer_queue_error(
	const struct peer_queue *queue, int status, const char *doing, struct stoq_error *error)
{
	const char *why = queue->host.problem;

	if (status == -ENOTCONN)
		why = "the controller closed the connection";
	return stoq_error_set(error, status, "%s failed: %s", doing, why ? why : strerror(-status));
}

/* ---- synchronous commands ---- */

static int sync_data(
	void *context, struct peer_host_command *command, const uint8_t *bytes, uint32_t length)
{
	struct peer_queue *queue = context;

	if (command == queue->waiting && queue->data)
		memcpy(queue->data + command->received, bytes, length);
	return 0;
}

static int sync_completed(void *context, struct peer_host_command *command,
	const struct peer_host_completion *completion)
{
	struct peer_queue *queue = context;

	if (command == queue->waiting) {
		queue->completion = *completion;
		queue->waiting = NULL;
	}
	return peer_stats_record(queue->stats, queue->kind, command, completion);
}

static const struct peer_host_ops sync_ops = {
	.data = sync_data,
	.completed = sync_completed,
};

/* Sends and receives once, sleeping until something can be done. */
static int exchange(struct peer_queue *queue)
{
	struct pollfd poll_fd = {.fd = queue->fd, .events = POLLIN};
	ssize_t got;
	int status;

	peer_host_pump(&queue->host, stoq_clock_now_ns());
	status = peer_send(queue->fd, &queue->host.tx);
	if (status == -EAGAIN)
		poll_fd.events |= POLLOUT;
	else if (status)
		return status;
	if (poll(&poll_fd, 1, PATIENCE_MS) == 0)
		return -ETIMEDOUT;
	got = peer_receive(queue->fd, queue->buffer, PEER_RECEIVE_BYTES);
	if (got <= 0)
		return (int)got;
	return peer_host_receive(&queue->host, queue->buffer, (size_t)got, stoq_clock_now_ns());
}

static int open_queue(struct peer_queue *queue, const struct peer_session *session,
	enum nvme_queue_kind kind, struct stoq_error *error)
{
	struct peer_host_config config = session->config.host;
	int status = 0;

	queue->kind = kind;
	queue->buffer = session->buffer;
	if (kind == NVME_QUEUE_ADMIN)
		config.depth = ADMIN_DEPTH;
	queue->fd = peer_connect(&session->config.address, error);
	if (queue->fd < 0)
		return queue->fd;
	status = peer_host_init(&queue->host, &config, &sync_ops, queue);
	if (status) {
		close(queue->fd);
		return stoq_error_set(error, status, "Out of memory");
	}
	while (!status && !queue->host.ready)
		status = exchange(queue);
	return status ? peer_queue_error(queue, status, "Waiting for ICResp", error) : 0;
}

static void close_queue(struct peer_queue *queue)
{
	if (!queue->host.commands)
		return;
	peer_host_free(&queue->host);
	close(queue->fd);
}

int peer_queue_run(
	struct peer_queue *queue, const struct peer_request *request, struct stoq_error *error)
{
	char name[NVME_NAME_LENGTH], status_name[NVME_NAME_LENGTH];
	uint8_t fctype = ((const struct nvme_fabrics_sqe *)&request->sqe)->fctype;
	int status = 0;

	queue->data = request->data_in;
	queue->waiting = peer_host_submit(
		&queue->host, &request->sqe, request->length, request->data_out, !request->by_r2t);
	while (!status && queue->waiting)
		status = exchange(queue);
	nvme_opcode_name(queue->kind, request->sqe.opcode, fctype, name);
	if (status)
		return peer_queue_error(queue, status,
			nvme_opcode_name(queue->kind, request->sqe.opcode, fctype, name), error);
	if (!queue->completion.status)
		return 0;
	return stoq_error_set(error, -EIO, "%s failed: %s",
		nvme_opcode_name(queue->kind, request->sqe.opcode, fctype, name),
		nvme_status_name(
			queue->kind, request->sqe.opcode, queue->completion.status, status_name));
}

/* ---- Fabrics ---- */

static int connect_queue(struct peer_session *session, struct peer_queue *queue, uint16_t qid,
	struct stoq_error *error)
{
	const char *id = session->config.host_id ? session->config.host_id : "stoq-peer-hostid";
	uint8_t hostid[16] = {0};
	struct nvme_connect_fields fields = {
		.qid = qid,
		.sqsize_zero_based = queue->host.depth,
		.cattr = session->config.flow_control ? 0 : NVME_CONNECT_CATTR_DISABLE_SQ_FLOW,
		.kato_ms = qid ? 0 : session->config.kato_ms,
	};
	struct nvme_connect_data data;
	struct peer_request request = {
		.sqe = nvme_encode_connect(&fields), .length = sizeof(data), .data_out = &data};

	memcpy(hostid, id, strnlen(id, sizeof(hostid)));
	if (nvme_encode_connect_data(&data, hostid, qid ? session->cntlid : 0xffff,
		    session->config.subsystem_nqn, session->config.host_nqn))
		return stoq_error_set(error, -EINVAL, "An NQN is longer than 223 bytes");
	return peer_queue_run(queue, &request, error);
}

static int property(struct peer_session *session, enum nvme_fabrics_type type, uint32_t offset,
	uint64_t value, struct stoq_error *error)
{
	struct nvme_property_sqe sqe = {
		.opcode = NVME_OPCODE_FABRICS,
		.fctype = (uint8_t)type,
		.attrib = offset == 0 ? 1 : 0, /* CAP has 8 bytes */
		.offset = nvme_to_le32(offset),
		.value = nvme_to_le64(value),
	};
	struct peer_request request = {0};

	memcpy(&request.sqe, &sqe, sizeof(sqe));
	return peer_queue_run(&session->admin, &request, error);
}

static int enable_controller(struct peer_session *session, struct stoq_error *error)
{
	int status = property(session, NVME_FABRICS_PROPERTY_GET, 0x00, 0, error); /* CAP */

	if (!status) /* CC: enable, 64-byte SQEs, 16-byte CQEs */
		status = property(session, NVME_FABRICS_PROPERTY_SET, 0x14, 0x00460001, error);
	for (int tries = 0; !status && tries < 1000; tries++) {
		status = property(session, NVME_FABRICS_PROPERTY_GET, 0x1c, 0, error); /* CSTS */
		if (!status && session->admin.completion.dw0 & 1)
			return 0;
		usleep(1000);
	}
	return status ? status
		      : stoq_error_set(error, -ETIMEDOUT, "The controller does not become ready");
}

/* ---- Identify ---- */

static int identify(struct peer_session *session, uint32_t nsid, uint8_t cns, uint8_t *data,
	struct stoq_error *error)
{
	struct peer_request request = {
		.sqe = {.opcode = NVME_ADMIN_IDENTIFY,
			.nsid = nvme_to_le32(nsid),
			.cdw10 = nvme_to_le32(cns)},
		.length = IDENTIFY_BYTES,
		.data_in = data,
	};

	return peer_queue_run(&session->admin, &request, error);
}

static int read_controller(struct peer_session *session, struct stoq_error *error)
{
	union {
		struct nvme_identify_controller id;
		uint8_t bytes[IDENTIFY_BYTES];
	} data;
	uint32_t capsule;
	int status = identify(session, 0, 0x01, data.bytes, error);

	if (status)
		return status;
	capsule = nvme_le32(data.id.ioccsz);
	session->in_capsule_bytes = capsule > 4 && capsule < 65536 ? capsule * 16 - 64 : 0;
	session->max_transfer_bytes =
		data.id.mdts && data.id.mdts < 16 ? 4096u << data.id.mdts : UINT32_MAX;
	return 0;
}

static int read_namespace(struct peer_session *session, uint32_t nsid, struct stoq_error *error)
{
	union {
		struct nvme_identify_namespace id;
		uint8_t bytes[IDENTIFY_BYTES];
	} data;
	uint8_t shift;
	uint64_t bytes;
	int status = identify(session, nsid, 0x00, data.bytes, error);

	if (status)
		return status;
	shift = data.id.lbaf[data.id.flbas & 15].lba_data_size;
	if (shift < 9 || shift > 12)
		return stoq_error_set(error, -EINVAL,
			"Namespace %u has blocks of 2^%u bytes: only 512 to 4096 are supported",
			nsid, shift);
	bytes = nvme_le64(data.id.nsze) << shift;
	if (nsid == 1 || bytes < session->namespace_bytes)
		session->namespace_bytes = bytes;
	session->block_bytes = 1u << shift;
	session->namespaces = nsid;
	return 0;
}

/* Namespaces 1, 2, 3 ... as far as the list goes. */
static int read_namespaces(struct peer_session *session, struct stoq_error *error)
{
	union {
		__le32 nsids[IDENTIFY_BYTES / 4];
		uint8_t bytes[IDENTIFY_BYTES];
	} list;
	int status = identify(session, 0, 0x02, list.bytes, error);

	for (uint32_t i = 0; !status && i < 64 && nvme_le32(list.nsids[i]) == i + 1; i++)
		status = read_namespace(session, i + 1, error);
	if (!status && !session->namespaces)
		return stoq_error_set(error, -ENODEV, "The controller has no namespace 1");
	return status;
}

/* ---- the rest of bringing up ---- */

static int set_queue_count(struct peer_session *session, struct stoq_error *error)
{
	uint32_t zero_based = session->config.queues - 1;
	struct peer_request request = {
		.sqe = {.opcode = NVME_ADMIN_SET_FEATURES,
			.cdw10 = nvme_to_le32(0x07), /* Number of Queues */
			.cdw11 = nvme_to_le32(zero_based << 16 | zero_based)},
	};
	int status = peer_queue_run(&session->admin, &request, error);

	if (!status && (session->admin.completion.dw0 & 0xffff) < zero_based)
		return stoq_error_set(error, -EINVAL, "The controller grants only %u I/O queues",
			(session->admin.completion.dw0 & 0xffff) + 1);
	return status;
}

/* One AER: it stays for ever. */
static void hold_event_request(struct peer_session *session)
{
	struct nvme_sqe sqe = {.opcode = NVME_ADMIN_ASYNC_EVENT_REQUEST};

	peer_host_submit(&session->admin.host, &sqe, 0, NULL, false)->held = true;
	session->stats.held++;
}

static int open_admin(struct peer_session *session, struct stoq_error *error)
{
	int status;

	session->admin.stats = &session->stats;
	status = open_queue(&session->admin, session, NVME_QUEUE_ADMIN, error);
	if (!status)
		status = connect_queue(session, &session->admin, 0, error);
	if (status)
		return status;
	session->cntlid = (uint16_t)session->admin.completion.dw0;
	status = enable_controller(session, error);
	if (!status)
		status = read_controller(session, error);
	if (!status)
		status = read_namespaces(session, error);
	if (!status && session->config.queues)
		status = set_queue_count(session, error);
	if (!status)
		hold_event_request(session);
	/* Something that answers, so that the AER is sent too. */
	return status ? status : property(session, NVME_FABRICS_PROPERTY_GET, 0x08, 0, error);
}

int peer_session_open(struct peer_session *session, const struct peer_session_config *config,
	struct stoq_error *error)
{
	int status;

	memset(session, 0, sizeof(*session));
	session->config = *config;
	session->buffer = malloc(PEER_RECEIVE_BYTES);
	session->queues = calloc(config->queues ? config->queues : 1, sizeof(*session->queues));
	if (!session->buffer || !session->queues)
		return stoq_error_set(error, -ENOMEM, "Out of memory");
	status = open_admin(session, error);
	while (!status && session->queue_count < config->queues) {
		struct peer_queue *queue = &session->queues[session->queue_count++];

		queue->stats = &session->stats;
		status = open_queue(queue, session, NVME_QUEUE_IO, error);
		if (!status)
			status = connect_queue(
				session, queue, (uint16_t)session->queue_count, error);
	}
	return status;
}

int peer_session_keep_alive(struct peer_session *session, struct stoq_error *error)
{
	struct peer_request request = {.sqe = {.opcode = NVME_ADMIN_KEEP_ALIVE}};

	return peer_queue_run(&session->admin, &request, error);
}

void peer_session_close(struct peer_session *session)
{
	for (uint32_t i = 0; i < session->queue_count; i++)
		close_queue(&session->queues[i]);
	close_queue(&session->admin);
	free(session->queues);
	free(session->buffer);
	peer_stats_free(&session->stats);
}
