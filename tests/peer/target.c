// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nvme/nvme_tcp_check.h"

/* SQHD where SQ flow control is off (Base specification 2.0c, 6.3). */
#define SQHD_OFF       0xffff
#define FIRST_COMMANDS 4 /* before Connect says how many */

void peer_target_config_init(struct peer_target_config *config)
{
	*config = (struct peer_target_config){
		.subsystem_nqn = PEER_DEFAULT_NQN,
		.namespaces = 1,
		.namespace_bytes = 64u << 20,
		.block_bytes = 512,
		.header_digest = true,
		.data_digest = true,
		.success = true,
		.in_capsule_bytes = 8192,
		.max_h2c_bytes = 128u << 10,
	};
}

static uint8_t *map_namespace(uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int peer_target_init(struct peer_target *target, const struct peer_target_config *config)
{
	memset(target, 0, sizeof(*target));
	target->config = *config;
	pthread_mutex_init(&target->lock, NULL);
	if (config->namespaces > PEER_MAX_NAMESPACES)
		return -EINVAL;
	for (uint32_t i = 0; i < config->namespaces; i++) {
		target->memory[i] = map_namespace(config->namespace_bytes);
		if (!target->memory[i])
			return -ENOMEM;
	}
	return 0;
}

void peer_target_free(struct peer_target *target)
{
	struct peer_controller *controller = target->controllers;

	while (controller) {
		struct peer_controller *next = controller->next;

		free(controller);
		controller = next;
	}
	for (uint32_t i = 0; i < PEER_MAX_NAMESPACES; i++) {
		if (target->memory[i])
			munmap(target->memory[i], target->config.namespace_bytes);
	}
	pthread_mutex_destroy(&target->lock);
}

static int problem(struct peer_connection *connection, const char *text)
{
	connection->problem = text;
	return -EPROTO;
}

/* ---- rings of command indices ---- */

static uint16_t index_of(
	const struct peer_connection *connection, const struct peer_command *command)
{
	return (uint16_t)(command - connection->commands);
}

static void make_ready(struct peer_connection *connection, struct peer_command *command,
	enum peer_command_state state)
{
	uint32_t at =
		(connection->ready_first + connection->ready_count++) % connection->command_count;

	command->state = state;
	connection->ready[at] = index_of(connection, command);
}

static struct peer_command *take_ready(struct peer_connection *connection)
{
	struct peer_command *command =
		&connection->commands[connection->ready[connection->ready_first]];

	connection->ready_first = (connection->ready_first + 1) % connection->command_count;
	connection->ready_count--;
	return command;
}

static void make_late(struct peer_connection *connection, struct peer_command *command)
{
	uint32_t at =
		(connection->late_first + connection->late_count++) % connection->command_count;

	command->state = PEER_COMMAND_LATE;
	command->due_ns = connection->now_ns + connection->target->config.slow_ns;
	connection->late[at] = index_of(connection, command);
}

static void release(struct peer_connection *connection, struct peer_command *command)
{
	free(command->buffer);
	command->buffer = NULL;
	command->state = PEER_COMMAND_FREE;
	connection->free_commands[connection->free_count++] = index_of(connection, command);
}

bool peer_command_buffer(struct peer_command *command, uint32_t length)
{
	if (length > NVME_TCP_ADMIN_DATA_MAX) {
		command->status = NVME_STATUS(0, 0x02); /* Invalid Field in Command */
		return false;
	}
	command->buffer = calloc(1, length ? length : 1);
	command->data = command->buffer;
	command->length = length;
	if (!command->buffer)
		command->status = NVME_STATUS(0, 0x06); /* Internal Error */
	return command->buffer;
}

/* ---- life of a connection ---- */

/* Commands keep their index; no fewer than there were. */
int peer_connection_resize(struct peer_connection *connection, uint32_t commands)
{
	struct peer_command *all;
	uint32_t old = connection->command_count;
	size_t receiving = connection->receiving ? index_of(connection, connection->receiving) : 0;
	uint16_t *indices = calloc(commands, 3 * sizeof(*indices));

	if (!indices)
		return -ENOMEM;
	all = realloc(connection->commands, commands * sizeof(*all));
	if (!all) {
		free(indices);
		return -ENOMEM;
	}
	memset(all + old, 0, (commands - old) * sizeof(*all));
	for (uint32_t i = 0; i < connection->ready_count; i++)
		indices[commands + i] = connection->ready[(connection->ready_first + i) % old];
	for (uint32_t i = 0; i < connection->late_count; i++)
		indices[2 * commands + i] = connection->late[(connection->late_first + i) % old];
	if (connection->free_count)
		memcpy(indices, connection->free_commands,
			connection->free_count * sizeof(*indices));
	for (uint32_t i = commands; i > old; i--)
		indices[connection->free_count++] = (uint16_t)(i - 1);
	free(connection->free_commands);
	connection->free_commands = indices;
	connection->ready = indices + commands;
	connection->late = indices + 2 * (size_t)commands;
	connection->ready_first = connection->late_first = 0;
	connection->commands = all;
	connection->command_count = commands;
	if (connection->receiving)
		connection->receiving = &all[receiving];
	return 0;
}

static const struct peer_rx_ops receive_ops;

int peer_connection_init(struct peer_connection *connection, struct peer_target *target)
{
	memset(connection, 0, sizeof(*connection));
	connection->target = target;
	connection->queue_size = 1;
	peer_rx_init(&connection->rx, NVME_TCP_FROM_HOST, &receive_ops, connection);
	return peer_connection_resize(connection, FIRST_COMMANDS);
}

static void leave_controller(struct peer_target *target, struct peer_controller *controller)
{
	struct peer_controller **link;

	pthread_mutex_lock(&target->lock);
	if (--controller->connections == 0) {
		for (link = &target->controllers; *link != controller; link = &(*link)->next)
			;
		*link = controller->next;
		free(controller);
	}
	pthread_mutex_unlock(&target->lock);
}

void peer_connection_free(struct peer_connection *connection)
{
	if (connection->controller)
		leave_controller(connection->target, connection->controller);
	for (uint32_t i = 0; i < connection->command_count; i++)
		free(connection->commands[i].buffer);
	free(connection->commands);
	free(connection->free_commands);
	peer_tx_free(&connection->tx);
}

/* ---- what the host sends ---- */

static int initialise(struct peer_connection *connection, const struct nvme_tcp_icreq_pdu *icreq)
{
	const struct peer_target_config *config = &connection->target->config;
	struct nvme_tcp_format format = {
		.header_digest = config->header_digest && icreq->digest & NVME_TCP_FLAG_HDGST,
		.data_digest = config->data_digest && icreq->digest & NVME_TCP_FLAG_DDGST,
		.data_alignment = config->cpda,
	};
	struct peer_tx *tx = &connection->tx;

	if (nvme_le16(icreq->pfv) != 0 || icreq->hpda > 31)
		return problem(connection, "ICReq with a format version or alignment unknown");
	if (peer_tx_init(tx, format.data_digest))
		return -ENOMEM;
	peer_tx_push(tx,
		nvme_tcp_encode_icresp(peer_tx_front(tx, NULL), &format, config->max_h2c_bytes),
		NULL);
	connection->rx.header_digest = format.header_digest;
	connection->rx.data_digest = format.data_digest;
	format.data_alignment = icreq->hpda;
	tx->format = format;
	connection->has_tx = true;
	return 0;
}

static bool needs_r2t(const struct peer_command *command)
{
	return command->from_host && command->length && !command->status &&
	       command->sqe.sgl1.type != NVME_SGL_DATA_BLOCK_OFFSET;
}

/* A capsule with data must hold the whole of it, and not more than was advertised. */
static int check_capsule_data(struct peer_connection *connection, uint32_t bytes)
{
	uint32_t allowed = connection->controller && connection->qid
				   ? connection->target->config.in_capsule_bytes
				   : NVME_TCP_ADMIN_DATA_MAX;

	return bytes > allowed ? problem(connection, "more in-capsule data than allowed") : 0;
}

static void start(struct peer_connection *connection, struct peer_command *command)
{
	if (command->sqe.opcode == NVME_OPCODE_FABRICS)
		peer_fabrics_start(connection, command);
	else if (!connection->controller)
		command->status = NVME_STATUS(0, 0x0c); /* Command Sequence Error */
	else if (connection->qid)
		peer_io_start(connection, command);
	else
		peer_admin_start(connection, command);
	if (command->from_host && command->sqe.sgl1.type == NVME_SGL_DATA_BLOCK_OFFSET &&
		command->length != nvme_le32(command->sqe.sgl1.length) && !command->status)
		command->status = NVME_STATUS(0, 0x0d); /* Data SGL Length Invalid */
}

static int begin_command(struct peer_connection *connection, const struct nvme_tcp_hdr *hdr)
{
	const struct nvme_tcp_cmd_pdu *pdu = (const void *)hdr;
	struct peer_command *command;
	uint32_t in_capsule = nvme_tcp_data_length(hdr);

	if (!connection->free_count)
		return problem(connection, "more commands than the queue holds");
	if (check_capsule_data(connection, in_capsule))
		return -EPROTO;
	command = &connection->commands[connection->free_commands[--connection->free_count]];
	*command = (struct peer_command){.sqe = pdu->sqe, .state = PEER_COMMAND_RECEIVING};
	connection->sqhd = (uint16_t)((connection->sqhd + 1) % connection->queue_size);
	start(connection, command);
	connection->receiving = command;
	if (command->from_host && !command->status && !needs_r2t(command) &&
		in_capsule < command->length)
		return problem(connection, "less in-capsule data than the SGL says");
	return 0;
}

static int begin_data(struct peer_connection *connection, const struct nvme_tcp_data_pdu *pdu)
{
	uint16_t tag = nvme_le16(pdu->ttag);
	uint32_t length = nvme_le32(pdu->data_length);
	struct peer_command *command;

	if (tag >= connection->command_count)
		return problem(connection, "H2CData with an unknown TTAG");
	command = &connection->commands[tag];
	if (command->state != PEER_COMMAND_H2C || command->sqe.command_id != pdu->command_id)
		return problem(connection, "H2CData that no R2T asked for");
	if (nvme_le32(pdu->data_offset) != command->done || length > command->asked - command->done)
		return problem(connection, "H2CData outside of its R2T");
	if (length > connection->target->config.max_h2c_bytes)
		return problem(connection, "H2CData longer than MAXH2CDATA");
	if (!(pdu->hdr.flags & NVME_TCP_FLAG_LAST) != (command->done + length < command->asked))
		return problem(connection, "H2CData with LAST in the wrong place");
	connection->receiving = command;
	return 0;
}

static int on_header(void *context, const struct nvme_tcp_hdr *hdr)
{
	struct peer_connection *connection = context;

	connection->receiving = NULL;
	switch (hdr->type) {
	case NVME_TCP_ICREQ:
		return initialise(connection, (const void *)hdr);
	case NVME_TCP_CAPSULE_CMD:
		return begin_command(connection, hdr);
	case NVME_TCP_H2C_DATA:
		return begin_data(connection, (const void *)hdr);
	default:
		return problem(connection, "host ended the connection by H2CTermReq");
	}
}

static int on_data(void *context, const uint8_t *bytes, uint32_t length)
{
	struct peer_connection *connection = context;
	struct peer_command *command = connection->receiving;
	uint32_t left = command->length - command->done;

	if (!command->from_host || command->status)
		return 0;
	if (length > left) /* padding that the sender counted as data */
		length = left;
	if (!length)
		return 0;
	if (command->compare)
		command->mismatch |= memcmp(command->data + command->done, bytes, length) != 0;
	else
		memcpy(command->data + command->done, bytes, length);
	command->done += length;
	return 0;
}

/* All data of the command is there. */
static int finish(struct peer_connection *connection, struct peer_command *command)
{
	int status = 0;

	if (command->status)
		;
	else if (command->sqe.opcode == NVME_OPCODE_FABRICS)
		status = peer_fabrics_finish(connection, command);
	else if (connection->qid)
		peer_io_finish(connection, command);
	command = connection->receiving; /* Connect may have moved it */
	if (command->state == PEER_COMMAND_HELD)
		return status;
	if (command->late)
		make_late(connection, command);
	else if (!command->from_host && command->length && !command->status)
		make_ready(connection, command, PEER_COMMAND_C2H);
	else
		make_ready(connection, command, PEER_COMMAND_RESPONSE);
	return status;
}

static int on_end(void *context, const struct nvme_tcp_hdr *hdr)
{
	struct peer_connection *connection = context;
	struct peer_command *command = connection->receiving;

	if (!command)
		return 0;
	if (hdr->type == NVME_TCP_H2C_DATA) {
		if (command->done < command->asked)
			return 0;
		if (command->done < command->length) {
			make_ready(connection, command, PEER_COMMAND_R2T);
			return 0;
		}
	} else if (needs_r2t(command)) {
		make_ready(connection, command, PEER_COMMAND_R2T);
		return 0;
	}
	return finish(connection, command);
}

static const struct peer_rx_ops receive_ops = {
	.header = on_header,
	.data = on_data,
	.end = on_end,
};

int peer_connection_receive(
	struct peer_connection *connection, const uint8_t *bytes, size_t length, uint64_t now_ns)
{
	int status;

	connection->now_ns = now_ns;
	status = peer_rx_feed(&connection->rx, bytes, length);
	if (status && connection->rx.problem)
		connection->problem = connection->rx.problem;
	return status;
}

uint64_t peer_connection_tick(struct peer_connection *connection, uint64_t now_ns)
{
	while (connection->late_count) {
		struct peer_command *command =
			&connection->commands[connection->late[connection->late_first]];

		if (command->due_ns > now_ns)
			return command->due_ns;
		connection->late_first = (connection->late_first + 1) % connection->command_count;
		connection->late_count--;
		make_ready(connection, command,
			!command->from_host && command->length && !command->status
				? PEER_COMMAND_C2H
				: PEER_COMMAND_RESPONSE);
	}
	return 0;
}

/* ---- what the controller sends ---- */

static void send_r2t(struct peer_connection *connection, struct peer_command *command)
{
	struct peer_tx *tx = &connection->tx;
	uint32_t most = connection->target->config.max_r2t_bytes;
	uint32_t length = command->length - command->asked;

	if (most && length > most)
		length = most;
	peer_tx_push(tx,
		nvme_tcp_encode_r2t(peer_tx_front(tx, NULL), &tx->format,
			nvme_le16(command->sqe.command_id), index_of(connection, command),
			command->asked, length),
		NULL);
	command->asked += length;
	command->state = PEER_COMMAND_H2C;
}

static void send_response(struct peer_connection *connection, struct peer_command *command)
{
	struct peer_tx *tx = &connection->tx;
	struct nvme_cqe cqe = nvme_encode_cqe(nvme_le16(command->sqe.command_id),
		connection->flow_control_disabled ? SQHD_OFF : connection->sqhd, command->status);

	cqe.dw0 = nvme_to_le32(command->dw0);
	cqe.dw1 = nvme_to_le32(command->dw1);
	if (command->status)
		cqe.status |= nvme_to_le16(NVME_CQE_STATUS_DNR);
	peer_tx_push(
		tx, nvme_tcp_encode_capsule_resp(peer_tx_front(tx, NULL), &tx->format, &cqe), NULL);
	release(connection, command);
}

static struct peer_tx_data next_data(
	const struct peer_connection *connection, const struct peer_command *command)
{
	uint32_t most = connection->target->config.max_c2h_bytes;
	uint32_t left = command->length - command->done;

	return (struct peer_tx_data){
		.bytes = command->data + command->done,
		.length = most && left > most ? most : left,
		.passing = command->buffer,
	};
}

/* Commands with more than one PDU take turns. */
static void send_data(struct peer_connection *connection, struct peer_command *command,
	const struct peer_tx_data *data)
{
	struct peer_tx *tx = &connection->tx;
	bool last = command->done + data->length == command->length;
	bool success = last && connection->target->config.success &&
		       connection->flow_control_disabled && !command->dw0 && !command->dw1;
	struct nvme_tcp_data_fields fields = {
		.type = NVME_TCP_C2H_DATA,
		.flags = (last ? NVME_TCP_FLAG_LAST : 0) | (success ? NVME_TCP_FLAG_SUCCESS : 0),
		.cid = nvme_le16(command->sqe.command_id),
		.offset = command->done,
		.length = data->length,
	};

	peer_tx_push(tx, nvme_tcp_encode_data(peer_tx_front(tx, data), &tx->format, &fields), data);
	command->done += data->length;
	if (success)
		release(connection, command);
	else
		make_ready(connection, command, last ? PEER_COMMAND_RESPONSE : PEER_COMMAND_C2H);
}

void peer_connection_pump(struct peer_connection *connection)
{
	while (connection->has_tx && connection->ready_count) {
		struct peer_command *command =
			&connection->commands[connection->ready[connection->ready_first]];
		struct peer_tx_data data = next_data(connection, command);
		bool sends_data = command->state == PEER_COMMAND_C2H;

		if (!peer_tx_has_room(&connection->tx, sends_data ? &data : NULL))
			return;
		command = take_ready(connection);
		if (command->state == PEER_COMMAND_R2T)
			send_r2t(connection, command);
		else if (sends_data)
			send_data(connection, command, &data);
		else
			send_response(connection, command);
	}
}
