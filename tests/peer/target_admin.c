// SPDX-License-Identifier: BSD-2-Clause
/* Fabrics commands and the admin queue: what hosts need to bring a controller up. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/target.h"

#define CONNECT_INVALID_PARAMETERS NVME_STATUS(1, 0x82)
#define CONNECT_INVALID_HOST	   NVME_STATUS(1, 0x84)
#define INVALID_FIELD		   NVME_STATUS(0, 0x02)

/* ---- Fabrics ---- */

static void property_get(struct peer_connection *connection, struct peer_command *command)
{
	const struct nvme_property_sqe *sqe = (const void *)&command->sqe;
	uint32_t cc = connection->controller->cc;
	uint64_t value;

	switch (nvme_le32(sqe->offset)) {
	case 0x00: /* CAP: MQES, CQR, TO 10 s, NVM command set */
		value = (PEER_MAX_QUEUE_SIZE - 1) | 1u << 16 | 20u << 24 | 1ull << 37;
		break;
	case 0x08: /* VS */
		value = 0x00010400;
		break;
	case 0x14:
		value = cc;
		break;
	case 0x1c: /* CSTS: RDY follows CC.EN, shutdown is complete at once */
		value = (cc & 1) | (cc & 0xc000 ? 2u << 2 : 0);
		break;
	default:
		command->status = INVALID_FIELD;
		return;
	}
	command->dw0 = (uint32_t)value;
	command->dw1 = sqe->attrib & 7 ? (uint32_t)(value >> 32) : 0;
}

static void property_set(struct peer_connection *connection, struct peer_command *command)
{
	const struct nvme_property_sqe *sqe = (const void *)&command->sqe;

	if (nvme_le32(sqe->offset) != 0x14)
		command->status = INVALID_FIELD;
	else
		connection->controller->cc = (uint32_t)nvme_le64(sqe->value);
}

static void start_connect(struct peer_connection *connection, struct peer_command *command)
{
	const struct nvme_connect_sqe *sqe = (const void *)&command->sqe;
	uint32_t entries = nvme_le16(sqe->sqsize) + 1u;

	command->from_host = true;
	if (connection->controller)
		command->status = NVME_STATUS(0, 0x0c); /* Command Sequence Error */
	else if (nvme_le16(sqe->recfmt) != 0 || entries < 2 || entries > PEER_MAX_QUEUE_SIZE ||
		 nvme_le32(sqe->sgl1.length) != sizeof(struct nvme_connect_data))
		command->status = CONNECT_INVALID_PARAMETERS;
	else
		peer_command_buffer(command, sizeof(struct nvme_connect_data));
}

void peer_fabrics_start(struct peer_connection *connection, struct peer_command *command)
{
	uint8_t type = ((const struct nvme_fabrics_sqe *)&command->sqe)->fctype;

	if (type == NVME_FABRICS_CONNECT) {
		start_connect(connection, command);
	} else if (!connection->controller) {
		command->status = NVME_STATUS(0, 0x0c); /* Command Sequence Error */
	} else if (type == NVME_FABRICS_PROPERTY_GET) {
		property_get(connection, command);
	} else if (type == NVME_FABRICS_PROPERTY_SET) {
		property_set(connection, command);
	} else if (type != NVME_FABRICS_DISCONNECT) {
		command->status = INVALID_FIELD;
	}
}

static uint16_t check_names(
	const struct peer_target_config *config, const struct nvme_connect_data *data)
{
	if (strnlen(data->subnqn, NVME_NQN_LENGTH) == NVME_NQN_LENGTH ||
		strcmp(data->subnqn, config->subsystem_nqn) != 0)
		return CONNECT_INVALID_PARAMETERS;
	if (strnlen(data->hostnqn, NVME_NQN_LENGTH) == NVME_NQN_LENGTH ||
		strncmp(data->hostnqn, "nqn.", 4) != 0)
		return CONNECT_INVALID_HOST;
	if (config->host_nqn && strcmp(data->hostnqn, config->host_nqn) != 0)
		return CONNECT_INVALID_HOST;
	return 0;
}

static struct peer_controller *find_controller(
	const struct peer_target *target, const struct nvme_connect_data *data)
{
	struct peer_controller *controller = target->controllers;

	while (controller && (controller->cntlid != nvme_le16(data->cntlid) ||
				     strcmp(controller->host_nqn, data->hostnqn) != 0))
		controller = controller->next;
	return controller;
}

static struct peer_controller *new_controller(
	struct peer_target *target, const struct nvme_connect_data *data)
{
	struct peer_controller *controller = calloc(1, sizeof(*controller));

	if (!controller)
		return NULL;
	memcpy(controller->host_nqn, data->hostnqn, sizeof(controller->host_nqn));
	target->last_cntlid = (uint16_t)(target->last_cntlid % 0xffef + 1);
	controller->cntlid = target->last_cntlid;
	controller->next = target->controllers;
	target->controllers = controller;
	return controller;
}

/* An admin queue makes a controller, an I/O queue joins one. */
static struct peer_controller *join_controller(
	struct peer_target *target, const struct nvme_connect_data *data, uint16_t qid)
{
	struct peer_controller *controller;

	pthread_mutex_lock(&target->lock);
	controller = qid ? find_controller(target, data) : new_controller(target, data);
	if (controller)
		controller->connections++;
	pthread_mutex_unlock(&target->lock);
	return controller;
}

static int finish_connect(struct peer_connection *connection, struct peer_command *command)
{
	const struct nvme_connect_sqe *sqe = (const void *)&command->sqe;
	const struct nvme_connect_data *data = (const void *)command->data;
	uint16_t qid = nvme_le16(sqe->qid);

	command->status = check_names(&connection->target->config, data);
	if (command->status)
		return 0;
	connection->controller = join_controller(connection->target, data, qid);
	if (!connection->controller) {
		command->status = CONNECT_INVALID_PARAMETERS;
		return 0;
	}
	connection->qid = qid;
	connection->queue_size = (uint16_t)(nvme_le16(sqe->sqsize) + 1);
	connection->flow_control_disabled = sqe->cattr & NVME_CONNECT_CATTR_DISABLE_SQ_FLOW;
	command->dw0 = connection->controller->cntlid;
	/* Last: the command moves. */
	return peer_connection_resize(
		connection, connection->queue_size + (qid ? 4 : PEER_HELD_COMMANDS));
}

int peer_fabrics_finish(struct peer_connection *connection, struct peer_command *command)
{
	if (((const struct nvme_fabrics_sqe *)&command->sqe)->fctype == NVME_FABRICS_CONNECT)
		return finish_connect(connection, command);
	return 0;
}

/* ---- Identify ---- */

static void spaced(char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	for (size_t i = 0; i < size && text[i]; i++)
		field[i] = text[i];
}

static void put_le16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put_le32(uint8_t *at, uint32_t value)
{
	put_le16(at, (uint16_t)value);
	put_le16(at + 2, (uint16_t)(value >> 16));
}

static void identify_controller(struct peer_connection *connection, struct peer_command *command)
{
	const struct peer_target_config *config = &connection->target->config;
	struct nvme_identify_controller *id = (void *)command->data;

	spaced(id->sn, sizeof(id->sn), "STOQPEER");
	spaced(id->mn, sizeof(id->mn), "STOQ test peer");
	spaced(id->fr, sizeof(id->fr), "1");
	id->mdts = 8; /* 1 MiB: PEER_MAX_TRANSFER in 4 KiB pages */
	id->cntlid = nvme_to_le16(connection->controller->cntlid);
	id->ver = nvme_to_le32(0x00010400);
	snprintf(id->subnqn, sizeof(id->subnqn), "%s", config->subsystem_nqn);
	id->ioccsz = nvme_to_le32((64 + config->in_capsule_bytes) / 16);
	id->iorcsz = nvme_to_le32(1);
	id->msdbd = 1;
	/* What struct nvme_identify_controller leaves out, by offset (Base 5.17.2.1). */
	command->data[111] = 1;				    /* CNTRLTYPE: I/O */
	command->data[259] = 3;				    /* AERL: 4 */
	put_le16(command->data + 320, 10);		    /* KAS: 1 s */
	command->data[512] = 0x66;			    /* SQES */
	command->data[513] = 0x44;			    /* CQES */
	put_le16(command->data + 514, PEER_MAX_QUEUE_SIZE); /* MAXCMD */
	put_le32(command->data + 516, config->namespaces);  /* NN */
	put_le16(command->data + 520, 0x0d);		    /* ONCS: Compare, DSM, Write Zeroes */
	put_le32(command->data + 536, 1u | 1u << 2 | 1u << 20); /* SGLS: keyed no, offset yes */
}

static void identify_namespace(const struct peer_target *target, struct peer_command *command)
{
	const struct peer_target_config *config = &target->config;
	struct nvme_identify_namespace *id = (void *)command->data;
	uint32_t nsid = nvme_le32(command->sqe.nsid);
	__le64 blocks = nvme_to_le64(config->namespace_bytes / config->block_bytes);

	if (nsid == 0 || nsid > config->namespaces) {
		command->status = NVME_STATUS(0, 0x0b); /* Invalid Namespace or Format */
		return;
	}
	id->nsze = id->ncap = id->nuse = blocks;
	id->lbaf[0].lba_data_size = (uint8_t)__builtin_ctz(config->block_bytes);
	memcpy(id->nguid, "STOQ test peer", 14);
	id->nguid[15] = (uint8_t)nsid;
}

static void identify_list(const struct peer_target *target, struct peer_command *command)
{
	uint32_t after = nvme_le32(command->sqe.nsid);

	for (uint32_t nsid = after + 1; nsid <= target->config.namespaces; nsid++)
		put_le32(command->data + (size_t)(nsid - after - 1) * 4, nsid);
}

/* One descriptor: the NGUID. */
static void identify_descriptors(struct peer_command *command)
{
	command->data[0] = 2;
	command->data[1] = 16;
	memcpy(command->data + 4, "STOQ test peer", 14);
	command->data[19] = (uint8_t)nvme_le32(command->sqe.nsid);
}

static void start_identify(struct peer_connection *connection, struct peer_command *command)
{
	if (!peer_command_buffer(command, 4096))
		return;
	switch (nvme_le32(command->sqe.cdw10) & 0xff) {
	case 0x00:
		identify_namespace(connection->target, command);
		break;
	case 0x01:
		identify_controller(connection, command);
		break;
	case 0x02:
		identify_list(connection->target, command);
		break;
	case 0x03:
		identify_descriptors(command);
		break;
	default:
		command->status = INVALID_FIELD;
	}
}

/* ---- the rest of the admin queue ---- */

static void start_set_features(struct peer_command *command)
{
	if ((nvme_le32(command->sqe.cdw10) & 0xff) == 0x07) /* Number of Queues: as asked */
		command->dw0 = nvme_le32(command->sqe.cdw11);
}

/* All logs are empty. */
static void start_get_log_page(struct peer_command *command)
{
	uint32_t dwords = nvme_le32(command->sqe.cdw10) >> 16 |
			  (nvme_le32(command->sqe.cdw11) & 0xffff) << 16;

	if (dwords >= NVME_TCP_ADMIN_DATA_MAX / 4)
		command->status = INVALID_FIELD;
	else
		peer_command_buffer(command, (dwords + 1) * 4);
}

void peer_admin_start(struct peer_connection *connection, struct peer_command *command)
{
	switch (command->sqe.opcode) {
	case NVME_ADMIN_IDENTIFY:
		start_identify(connection, command);
		break;
	case NVME_ADMIN_GET_LOG_PAGE:
		start_get_log_page(command);
		break;
	case NVME_ADMIN_SET_FEATURES:
		start_set_features(command);
		break;
	case NVME_ADMIN_ABORT:
		command->dw0 = 1; /* not aborted */
		break;
	case NVME_ADMIN_ASYNC_EVENT_REQUEST:
		command->state = PEER_COMMAND_HELD;
		break;
	case NVME_ADMIN_GET_FEATURES:
	case NVME_ADMIN_KEEP_ALIVE:
		break;
	default:
		command->status = NVME_STATUS(0, 0x01); /* Invalid Command Opcode */
	}
	if (!command->from_host && command->length && !command->status &&
		command->length != nvme_le32(command->sqe.sgl1.length))
		command->status = NVME_STATUS(0, 0x0d); /* Data SGL Length Invalid */
}
