// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/target_model.h"

#include "nvme/nvme_digest.h"
#include "nvme/nvme_tcp.h"

enum direction {
	DIRECTION_NONE = 0,
	DIRECTION_FROM_HOST = 1,
};

static uint32_t load(const uint8_t *bytes)
{
	return nvme_digest_load(bytes);
}

/* The opcode, or Fabrics type, whose low bits tell the direction. */
static uint8_t code_of(const uint8_t *pdu)
{
	return pdu[8] == NVME_OPCODE_FABRICS ? pdu[12] : pdu[8];
}

static size_t header_of(const struct target_model *model, const uint8_t *pdu)
{
	size_t bytes = pdu[0] == NVME_TCP_CAPSULE_CMD ? sizeof(struct nvme_tcp_cmd_pdu)
						      : sizeof(struct nvme_tcp_data_pdu);

	if ((pdu[0] != NVME_TCP_CAPSULE_CMD && pdu[0] != NVME_TCP_H2C_DATA) || pdu[2] != bytes)
		return 0;
	return bytes + (model->header_digest ? NVME_TCP_DIGEST_LENGTH : 0);
}

static size_t data_of(const struct target_model *model, uint32_t length)
{
	return length ? length + (model->data_digest ? NVME_TCP_DIGEST_LENGTH : 0) : 0;
}

/* ---- SPDK ---- */

/* nvme_tcp_pdu_calc_psh_len(): padding counts if there is anything behind the header. */
static size_t spdk_header(const struct target_model *model, const uint8_t *pdu)
{
	size_t bytes = header_of(model, pdu);

	return bytes && load(pdu + 4) > bytes && pdu[3] != bytes ? pdu[3] : bytes;
}

/* nvmf_tcp_req_process() and nvmf_tcp_req_parse_sgl() */
static size_t spdk_takes_command(const struct target_model *model, const uint8_t *pdu)
{
	size_t header = spdk_header(model, pdu), plen = load(pdu + 4);
	uint8_t direction = code_of(pdu) & 3, type = pdu[47];
	uint32_t length = load(pdu + 40);
	size_t digest = model->data_digest ? NVME_TCP_DIGEST_LENGTH : 0;

	if (header < sizeof(struct nvme_tcp_cmd_pdu) || plen < sizeof(struct nvme_tcp_cmd_pdu))
		return 0;
	/* spdk_nvmf_req_get_xfer(): no direction, or nothing to move; both: refused at once. */
	if (direction == DIRECTION_NONE || direction == 3 || !length)
		return header;
	if (type == NVME_SGL_TRANSPORT_DATA_BLOCK && plen == header_of(model, pdu))
		return header;
	if (direction != DIRECTION_FROM_HOST)
		return 0; /* with a PLEN like that it does not get any further */
	if (type != NVME_SGL_DATA_BLOCK_OFFSET || plen - header - digest != length ||
		load(pdu + 32) || load(pdu + 36))
		return 0;
	if (length > model->in_capsule_bytes && length > NVME_TCP_ADMIN_DATA_MAX)
		return 0;
	return header + data_of(model, length);
}

/* ---- nvmet ---- */

/* nvmet_tcp_done_recv_pdu(), nvmet_tcp_map_data(), nvmet_tcp_handle_req_failure() */
static size_t nvmet_takes_command(const struct target_model *model, const uint8_t *pdu)
{
	size_t header = header_of(model, pdu);
	uint32_t length = load(pdu + 40);
	bool writes = code_of(pdu) & 1, here = pdu[47] == NVME_SGL_DATA_BLOCK_OFFSET;

	if (!header)
		return 0;
	if (model->knows && !model->knows(pdu)) {
		if (!writes || !length || length > model->in_capsule_bytes)
			return header;
		/* Of data that are to come later it takes the digest now, and finds it wrong. */
		if (!here)
			return model->data_digest ? 0 : header;
		return header + data_of(model, length);
	}
	if (!writes || !here)
		return header;
	return length > model->in_capsule_bytes ? 0 : header + data_of(model, length);
}

size_t target_takes(const struct target_model *model, const uint8_t *pdu)
{
	size_t header;

	if (pdu[0] == NVME_TCP_CAPSULE_CMD)
		return model->kind == TARGET_SPDK ? spdk_takes_command(model, pdu)
						  : nvmet_takes_command(model, pdu);
	header = model->kind == TARGET_SPDK ? spdk_header(model, pdu) : header_of(model, pdu);
	return header ? header + data_of(model, load(pdu + 16)) : 0;
}
