// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/discovery.h"

#include <string.h>

#define TREQ_SECURE_MASK 0x03

bool stoq_discovery_asked(const struct nvme_sqe *sqe, uint64_t *at)
{
	if (sqe->opcode != NVME_ADMIN_GET_LOG_PAGE ||
		(nvme_le32(sqe->cdw10) & 0xff) != NVME_LOG_DISCOVERY)
		return false;
	*at = (uint64_t)nvme_le32(sqe->cdw13) << 32 | nvme_le32(sqe->cdw12);
	return true;
}

/* A field of ASCII without its padding. */
static void read_text(char *out, const char *field, size_t size)
{
	size_t length = strnlen(field, size);

	while (length && field[length - 1] == ' ')
		length--;
	memcpy(out, field, length);
	out[length] = '\0';
}

static void write_text(char *field, size_t size, const char *text)
{
	memset(field, 0, size);
	memcpy(field, text, strnlen(text, size));
}

static bool rewrite_entry(uint8_t *data, stoq_discovery_map *map, void *context)
{
	struct nvme_discovery_entry entry;
	char traddr[NVME_DISCOVERY_TRADDR + 1], trsvcid[NVME_DISCOVERY_TRSVCID + 1];
	struct stoq_discovery_address address;

	memcpy(&entry, data, sizeof(entry));
	if (entry.trtype != NVME_DISCOVERY_TRTYPE_TCP)
		return false;
	read_text(traddr, entry.traddr, sizeof(entry.traddr));
	read_text(trsvcid, entry.trsvcid, sizeof(entry.trsvcid));
	if (!map(context, traddr, trsvcid, &address))
		return false;
	entry.adrfam = address.ipv6 ? NVME_DISCOVERY_ADRFAM_IPV6 : NVME_DISCOVERY_ADRFAM_IPV4;
	/* "Not specified": libnvme (nvmf_connect_disc_entry()) asks for TLS when it is "not required", too. */
	entry.treq &= ~TREQ_SECURE_MASK;
	entry.tsas[0] = 0;
	write_text(entry.traddr, sizeof(entry.traddr), address.traddr);
	write_text(entry.trsvcid, sizeof(entry.trsvcid), address.trsvcid);
	memcpy(data, &entry, sizeof(entry));
	return true;
}

unsigned int stoq_discovery_rewrite(
	uint64_t at, uint8_t *data, size_t size, stoq_discovery_map *map, void *context)
{
	const size_t step = sizeof(struct nvme_discovery_entry);
	unsigned int changed = 0;
	size_t next;

	/* The first entry that begins in the data; the header is as long as an entry. */
	_Static_assert(NVME_DISCOVERY_LOG_HEADER == sizeof(struct nvme_discovery_entry), "");
	next = (step - at % step) % step;
	if (at + next < NVME_DISCOVERY_LOG_HEADER)
		next += step;
	for (; next < size && size - next >= step; next += step)
		changed += rewrite_entry(data + next, map, context);
	return changed;
}
