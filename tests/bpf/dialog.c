// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/dialog.h"

#include <assert.h>
#include <string.h>

void dialog_bytes(struct dialog *dialog, const void *bytes, size_t length)
{
	assert(dialog->length + length <= sizeof(dialog->bytes));
	memcpy(dialog->bytes + dialog->length, bytes, length);
	dialog->length += length;
}

static void add_data(struct dialog *dialog, const void *data, size_t length)
{
	uint8_t digest[NVME_TCP_DIGEST_LENGTH];

	dialog_bytes(dialog, data, length);
	if (!dialog->format.data_digest || !length)
		return;
	nvme_digest_store(digest, nvme_crc32c(data, length));
	dialog_bytes(dialog, digest, sizeof(digest));
}

void dialog_open(struct dialog *dialog, struct rig *rig, bool with_syn)
{
	*dialog = (struct dialog){.rig = rig, .path = rig_path()};
	dialog->sequence[NVME_TCP_FROM_HOST] = 0x10000;
	dialog->sequence[NVME_TCP_FROM_CONTROLLER] = 0x20000;
	rig_clear(rig);
	if (!with_syn)
		return;
	dialog->sequence[NVME_TCP_FROM_HOST]--;
	dialog->sequence[NVME_TCP_FROM_CONTROLLER]--;
	dialog_flag(dialog, NVME_TCP_FROM_HOST, WIRE_SYN);
	dialog->sequence[NVME_TCP_FROM_HOST]++;
	dialog_flag(dialog, NVME_TCP_FROM_CONTROLLER, WIRE_SYN | WIRE_ACK);
	dialog->sequence[NVME_TCP_FROM_CONTROLLER]++;
}

void dialog_icreq(struct dialog *dialog)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(dialog, front, nvme_tcp_encode_icreq(front, &dialog->format, 0));
}

void dialog_icresp(struct dialog *dialog)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(dialog, front, nvme_tcp_encode_icresp(front, &dialog->format, 131072));
}

void dialog_connect(struct dialog *dialog, uint16_t cid, uint16_t qid)
{
	struct nvme_connect_fields fields = {.cid = cid, .qid = qid, .sqsize_zero_based = 127};
	struct nvme_sqe sqe = nvme_encode_connect(&fields);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};
	struct nvme_connect_data data;

	nvme_encode_connect_data(
		&data, dialog->hostid, qid ? 5 : 0xffff, DIALOG_SUBSYSTEM_NQN, DIALOG_HOST_NQN);
	dialog_bytes(dialog, front,
		nvme_tcp_encode_capsule_cmd(front, &dialog->format, &sqe, sizeof(data)));
	add_data(dialog, &data, sizeof(data));
}

void dialog_command(struct dialog *dialog, const struct nvme_io_fields *fields)
{
	static const uint8_t data[8192] = {0};
	struct nvme_sqe sqe = nvme_encode_io(fields);
	size_t length = fields->in_capsule ? fields->data_bytes : 0;
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	assert(length <= sizeof(data));
	dialog_bytes(
		dialog, front, nvme_tcp_encode_capsule_cmd(front, &dialog->format, &sqe, length));
	add_data(dialog, data, length);
}

void dialog_response(struct dialog *dialog, uint16_t cid, uint16_t status, uint32_t dw0)
{
	struct nvme_cqe cqe = nvme_encode_cqe(cid, 0, status);
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	cqe.dw0 = nvme_to_le32(dw0);
	dialog_bytes(dialog, front, nvme_tcp_encode_capsule_resp(front, &dialog->format, &cqe));
}

void dialog_r2t(
	struct dialog *dialog, uint16_t cid, uint16_t ttag, uint32_t offset, uint32_t length)
{
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	dialog_bytes(dialog, front,
		nvme_tcp_encode_r2t(front, &dialog->format, cid, ttag, offset, length));
}

void dialog_data(struct dialog *dialog, const struct nvme_tcp_data_fields *fields)
{
	static const uint8_t data[32768] = {0};
	uint8_t front[NVME_TCP_FRONT_MAX] = {0};

	assert(fields->length <= sizeof(data));
	dialog_bytes(dialog, front, nvme_tcp_encode_data(front, &dialog->format, fields));
	add_data(dialog, data, fields->length);
}

void dialog_send_at(struct dialog *dialog, enum nvme_tcp_side side, uint32_t sequence,
	const void *bytes, size_t length)
{
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = sequence,
		.acknowledged = dialog->sequence[!side],
		.flags = WIRE_ACK,
		.payload = bytes,
		.payload_bytes = length,
	};

	rig_send(dialog->rig, &dialog->path, &segment);
}

void dialog_send_cut(struct dialog *dialog, enum nvme_tcp_side side, size_t piece)
{
	for (size_t from = 0; from < dialog->length; from += piece) {
		size_t length = dialog->length - from < piece ? dialog->length - from : piece;

		dialog_send_at(dialog, side, dialog->sequence[side], dialog->bytes + from, length);
		dialog->sequence[side] += length;
	}
	dialog->length = 0;
}

void dialog_send(struct dialog *dialog, enum nvme_tcp_side side)
{
	dialog_send_cut(dialog, side, WIRE_PAYLOAD_MAX);
}

void dialog_lose(struct dialog *dialog, enum nvme_tcp_side side)
{
	dialog->sequence[side] += dialog->length;
	dialog->length = 0;
}

void dialog_flag(struct dialog *dialog, enum nvme_tcp_side side, uint8_t flag)
{
	struct wire_segment segment = {
		.from_controller = side == NVME_TCP_FROM_CONTROLLER,
		.sequence = dialog->sequence[side],
		.acknowledged = dialog->sequence[!side],
		.flags = flag,
	};

	rig_send(dialog->rig, &dialog->path, &segment);
}

void dialog_establish(struct dialog *dialog, uint16_t qid)
{
	dialog_icreq(dialog);
	dialog_send(dialog, NVME_TCP_FROM_HOST);
	dialog_icresp(dialog);
	dialog_send(dialog, NVME_TCP_FROM_CONTROLLER);
	dialog_connect(dialog, 0, qid);
	dialog_send(dialog, NVME_TCP_FROM_HOST);
	dialog_response(dialog, 0, 0, 5);
	dialog_send(dialog, NVME_TCP_FROM_CONTROLLER);
}

struct nvme_io_fields dialog_read_fields(uint16_t cid)
{
	return (struct nvme_io_fields){
		.opcode = NVME_NVM_READ,
		.cid = cid,
		.nsid = 1,
		.slba = 8u * cid,
		.blocks = 8,
		.data_bytes = 4096,
	};
}

void dialog_read(struct dialog *dialog, uint16_t cid, bool success_flag)
{
	struct nvme_io_fields fields = dialog_read_fields(cid);
	struct nvme_tcp_data_fields data = {
		.type = NVME_TCP_C2H_DATA,
		.flags = success_flag ? NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS
				      : NVME_TCP_FLAG_LAST,
		.cid = cid,
		.length = 4096,
	};

	dialog_command(dialog, &fields);
	dialog_send(dialog, NVME_TCP_FROM_HOST);
	dialog_data(dialog, &data);
	if (!success_flag)
		dialog_response(dialog, cid, 0, 0);
	dialog_send(dialog, NVME_TCP_FROM_CONTROLLER);
}
