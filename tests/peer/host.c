// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct peer_rx_ops receive_ops;

static int problem(struct peer_host *host, const char *text)
{
	host->problem = text;
	return -EPROTO;
}

int peer_host_init(struct peer_host *host, const struct peer_host_config *config,
	const struct peer_host_ops *ops, void *context)
{
	memset(host, 0, sizeof(*host));
	host->ops = ops;
	host->context = context;
	host->depth = config->depth;
	peer_rx_init(&host->rx, NVME_TCP_FROM_CONTROLLER, &receive_ops, host);
	host->commands = calloc(config->depth, sizeof(*host->commands));
	host->free_commands = calloc(config->depth, 3 * sizeof(*host->free_commands));
	if (!host->commands || !host->free_commands || peer_tx_init(&host->tx, false)) {
		peer_host_free(host);
		return -ENOMEM;
	}
	host->unsent = host->free_commands + config->depth;
	host->asked = host->unsent + config->depth;
	while (host->free_count < config->depth) {
		host->free_commands[host->free_count] =
			(uint16_t)(config->depth - 1 - host->free_count);
		host->free_count++;
	}
	/* What ICResp has to agree to. */
	host->rx.header_digest = config->offer.header_digest;
	host->rx.data_digest = config->offer.data_digest;
	peer_tx_push(&host->tx,
		nvme_tcp_encode_icreq(peer_tx_front(&host->tx, NULL), &config->offer, 0), NULL);
	return 0;
}

void peer_host_free(struct peer_host *host)
{
	free(host->commands);
	free(host->free_commands);
	peer_tx_free(&host->tx);
}

uint32_t peer_host_outstanding(const struct peer_host *host)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < host->depth; i++)
		held += host->commands[i].active && host->commands[i].held;
	return host->depth - host->free_count - held;
}

bool peer_host_can_submit(const struct peer_host *host)
{
	static const struct peer_tx_data whole = {.length = NVME_TCP_ADMIN_DATA_MAX};

	return host->ready && host->free_count && peer_tx_has_room(&host->tx, &whole);
}

struct peer_host_command *peer_host_submit(struct peer_host *host, const struct nvme_sqe *sqe,
	uint32_t length, const void *data_out, bool in_capsule)
{
	uint16_t cid = host->free_commands[--host->free_count];
	struct peer_host_command *command = &host->commands[cid];
	struct peer_tx_data data = {.bytes = data_out, .length = length};
	bool carries = in_capsule && data_out && length;
	struct peer_tx *tx = &host->tx;

	*command = (struct peer_host_command){
		.sqe = *sqe, .data_out = data_out, .length = length, .active = true};
	command->sqe.command_id = nvme_to_le16(cid);
	command->sqe.flags = NVME_SQE_PSDT_SGL;
	command->sqe.sgl1 = (struct nvme_sgl_desc){
		.length = nvme_to_le32(length),
		.type = carries ? NVME_SGL_DATA_BLOCK_OFFSET : NVME_SGL_TRANSPORT_DATA_BLOCK,
	};
	peer_tx_push(tx,
		nvme_tcp_encode_capsule_cmd(peer_tx_front(tx, carries ? &data : NULL), &tx->format,
			&command->sqe, carries ? length : 0),
		carries ? &data : NULL);
	host->unsent[host->unsent_count++] = cid;
	return command;
}

/* ---- data that the controller asked for ---- */

static struct peer_tx_data next_data(
	const struct peer_host *host, const struct peer_host_command *command)
{
	uint32_t left = command->r2t_end - command->sent;

	return (struct peer_tx_data){
		.bytes = command->data_out + command->sent,
		.length = left < host->max_h2c_bytes ? left : host->max_h2c_bytes,
	};
}

static void send_data(
	struct peer_host *host, struct peer_host_command *command, const struct peer_tx_data *data)
{
	bool last = command->sent + data->length == command->r2t_end;
	struct peer_tx *tx = &host->tx;
	struct nvme_tcp_data_fields fields = {
		.type = NVME_TCP_H2C_DATA,
		.flags = last ? NVME_TCP_FLAG_LAST : 0,
		.cid = nvme_le16(command->sqe.command_id),
		.ttag = command->ttag,
		.offset = command->sent,
		.length = data->length,
	};

	peer_tx_push(tx, nvme_tcp_encode_data(peer_tx_front(tx, data), &tx->format, &fields), data);
	command->sent += data->length;
	host->asked_first = (host->asked_first + 1) % host->depth;
	host->asked_count--;
	command->asked = !last;
	if (!last) /* to the end of the line */
		host->asked[(host->asked_first + host->asked_count++) % host->depth] =
			nvme_le16(command->sqe.command_id);
}

void peer_host_pump(struct peer_host *host, uint64_t now_ns)
{
	while (host->asked_count) {
		struct peer_host_command *command = &host->commands[host->asked[host->asked_first]];
		struct peer_tx_data data = next_data(host, command);

		if (!peer_tx_has_room(&host->tx, &data))
			break;
		send_data(host, command, &data);
	}
	while (host->unsent_count)
		host->commands[host->unsent[--host->unsent_count]].submitted_ns = now_ns;
}

/* ---- what the controller sends ---- */

static int initialise(struct peer_host *host, const struct nvme_tcp_icresp_pdu *pdu)
{
	uint8_t offered = (host->rx.header_digest ? NVME_TCP_FLAG_HDGST : 0) |
			  (host->rx.data_digest ? NVME_TCP_FLAG_DDGST : 0);

	if (nvme_le16(pdu->pfv) != 0 || pdu->cpda > 31 || nvme_le32(pdu->maxh2cdata) < 4096 ||
		nvme_le32(pdu->maxh2cdata) % 4)
		return problem(host, "ICResp with values that are not allowed");
	if (pdu->digest & ~offered)
		return problem(host, "ICResp with digests that were not offered");
	host->rx.header_digest = host->tx.format.header_digest = pdu->digest & NVME_TCP_FLAG_HDGST;
	host->rx.data_digest = host->tx.format.data_digest = pdu->digest & NVME_TCP_FLAG_DDGST;
	host->tx.format.data_alignment = pdu->cpda;
	host->max_h2c_bytes = nvme_le32(pdu->maxh2cdata);
	host->ready = true;
	return 0;
}

static struct peer_host_command *find(struct peer_host *host, __le16 command_id)
{
	uint16_t cid = nvme_le16(command_id);

	if (cid >= host->depth || !host->commands[cid].active)
		return NULL;
	return &host->commands[cid];
}

static int on_r2t(struct peer_host *host, const struct nvme_tcp_r2t_pdu *pdu)
{
	struct peer_host_command *command = find(host, pdu->command_id);
	uint32_t length = nvme_le32(pdu->r2t_length);

	if (!command || !command->data_out)
		return problem(host, "R2T for a command that sends nothing");
	if (command->asked)
		return problem(host, "R2T before the last one was answered");
	if (nvme_le32(pdu->r2t_offset) != command->sent || !length ||
		length > command->length - command->sent)
		return problem(host, "R2T outside of the command's data");
	command->ttag = nvme_le16(pdu->ttag);
	command->r2t_end = command->sent + length;
	command->asked = true;
	host->asked[(host->asked_first + host->asked_count++) % host->depth] =
		nvme_le16(command->sqe.command_id);
	return 0;
}

static int on_c2h_data(struct peer_host *host, const struct nvme_tcp_data_pdu *pdu)
{
	struct peer_host_command *command = find(host, pdu->command_id);
	uint32_t length = nvme_le32(pdu->data_length);
	bool last = pdu->hdr.flags & NVME_TCP_FLAG_LAST;

	if (!command || command->data_out || command->data_ended)
		return problem(host, "C2HData for a command that reads nothing");
	if (nvme_le32(pdu->data_offset) != command->received ||
		length > command->length - command->received)
		return problem(host, "C2HData outside of the command's data");
	if (last != (command->received + length == command->length))
		return problem(host, "C2HData with LAST in the wrong place");
	command->data_ended = last;
	host->receiving = command;
	return 0;
}

static int on_header(void *context, const struct nvme_tcp_hdr *hdr)
{
	struct peer_host *host = context;

	switch (hdr->type) {
	case NVME_TCP_ICRESP:
		return initialise(host, (const void *)hdr);
	case NVME_TCP_R2T:
		return on_r2t(host, (const void *)hdr);
	case NVME_TCP_C2H_DATA:
		return on_c2h_data(host, (const void *)hdr);
	case NVME_TCP_CAPSULE_RESP:
		return 0;
	default:
		return problem(host, "controller ended the connection by C2HTermReq");
	}
}

static int on_data(void *context, const uint8_t *bytes, uint32_t length)
{
	struct peer_host *host = context;
	struct peer_host_command *command = host->receiving;
	int status = 0;

	if (host->ops->data)
		status = host->ops->data(host->context, command, bytes, length);
	command->received += length;
	return status;
}

static int complete(struct peer_host *host, struct peer_host_command *command,
	struct peer_host_completion *completion)
{
	int status;

	if (!command->submitted_ns)
		return problem(host, "a command completed before it was sent");
	completion->latency_ns = host->now_ns - command->submitted_ns;
	status = host->ops->completed(host->context, command, completion);
	command->active = false;
	host->free_commands[host->free_count++] = nvme_le16(command->sqe.command_id);
	return status;
}

static int on_response(struct peer_host *host, const struct nvme_cqe *cqe)
{
	struct peer_host_command *command = find(host, cqe->command_id);
	struct peer_host_completion completion = {
		.status = nvme_status_code(nvme_le16(cqe->status)),
		.dw0 = nvme_le32(cqe->dw0),
		.dw1 = nvme_le32(cqe->dw1),
	};

	if (!command)
		return problem(host, "CapsuleResp for a command that is not outstanding");
	if (command->asked)
		return problem(host, "CapsuleResp while an R2T was being answered");
	if (!completion.status && command->length && !command->data_out && !command->data_ended)
		return problem(host, "CapsuleResp with success before all data was there");
	return complete(host, command, &completion);
}

static int on_end(void *context, const struct nvme_tcp_hdr *hdr)
{
	struct peer_host *host = context;
	struct peer_host_completion success = {0};

	if (hdr->type == NVME_TCP_CAPSULE_RESP)
		return on_response(
			host, &((const struct nvme_tcp_rsp_pdu *)(const void *)hdr)->cqe);
	if (hdr->flags & NVME_TCP_FLAG_SUCCESS && hdr->type == NVME_TCP_C2H_DATA)
		return complete(host, host->receiving, &success);
	return 0;
}

static const struct peer_rx_ops receive_ops = {
	.header = on_header,
	.data = on_data,
	.end = on_end,
};

int peer_host_receive(struct peer_host *host, const uint8_t *bytes, size_t length, uint64_t now_ns)
{
	int status;

	host->now_ns = now_ns;
	status = peer_rx_feed(&host->rx, bytes, length);
	if (status && host->rx.problem)
		host->problem = host->rx.problem;
	return status;
}
