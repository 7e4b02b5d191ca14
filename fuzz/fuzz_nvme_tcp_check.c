// SPDX-License-Identifier: BSD-2-Clause
/* What the header checks let pass is consistent: its parts lie in the PDU, in order. */
#include "nvme/nvme_tcp_check.h"

#include "require.h"

#include <string.h>

static void layout_is_sound(const struct nvme_tcp_hdr *hdr)
{
	uint64_t plen = nvme_le32(hdr->plen), data = nvme_tcp_data_length(hdr);
	uint64_t trailer = nvme_tcp_trailer_length(hdr);

	require(hdr->hlen >= 24 && hdr->hlen <= NVME_TCP_HEADER_MAX);
	require(plen >= nvme_tcp_data_start_min(hdr));
	require(plen <= NVME_TCP_DATA_MAX + 256);
	require(data <= NVME_TCP_DATA_MAX + 256);
	if (!data) {
		require(hdr->type != NVME_TCP_H2C_DATA && hdr->type != NVME_TCP_C2H_DATA);
		return;
	}
	require(nvme_tcp_has_data(hdr->type));
	require(hdr->pdo >= nvme_tcp_data_start_min(hdr) && hdr->pdo <= NVME_TCP_PDO_MAX);
	require(hdr->pdo + data + trailer == plen);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_hdr *whole;

	if (size < sizeof(hdr))
		return 0;
	memcpy(&hdr, data, sizeof(hdr));
	if (!nvme_tcp_check_common(&hdr))
		return 0;
	layout_is_sound(&hdr);
	if (size < hdr.hlen)
		return 0;
	/* Exactly HLEN bytes: the check may read no further. */
	whole = malloc(hdr.hlen);
	require(whole);
	memcpy(whole, data, hdr.hlen);
	if (nvme_tcp_check_header(whole) && hdr.type >= NVME_TCP_H2C_DATA &&
		hdr.type <= NVME_TCP_C2H_DATA)
		require(nvme_tcp_data_length(whole) > 0);
	free(whole);
	return 0;
}
