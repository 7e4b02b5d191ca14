// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rewriter of discovery logs changes whole entries of TCP only, and only the fields that it is meant to.
 * The first 8 bytes of the input are the offset in the log (little endian), the rest is the data.
 */
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "tunnel/discovery.h"

#define ENTRY sizeof(struct nvme_discovery_entry)

static bool map(void *context, const char *traddr, const char *trsvcid,
	struct stoq_discovery_address *address)
{
	require(strlen(traddr) <= NVME_DISCOVERY_TRADDR);
	require(strlen(trsvcid) <= NVME_DISCOVERY_TRSVCID);
	*(unsigned int *)context += 1;
	memset(address, 'a', sizeof(*address));
	address->ipv6 = false;
	return traddr[0] != 'n';
}

/* May this byte of an entry differ? */
static bool may_change(size_t at)
{
	return at == 1 || at == 3 || (at >= 32 && at < 64) || (at >= 512 && at <= 768);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	unsigned int asked = 0, changed;
	uint64_t log_at = 0;
	unsigned char *copy;

	if (size < 8)
		return 0;
	for (int i = 0; i < 8; i++)
		log_at |= (uint64_t)data[i] << (8 * i);
	data += 8;
	size -= 8;
	/* Of its exact size, so that the sanitizer sees what is beyond. */
	copy = malloc(size ? size : 1);
	require(copy);
	memcpy(copy, data, size);
	changed = stoq_discovery_rewrite(log_at, copy, size, map, &asked);
	require(changed <= asked && asked <= size / ENTRY);
	for (size_t i = 0; i < size; i++)
		require(copy[i] == data[i] ||
			(changed && may_change((size_t)((log_at + i) % ENTRY))));
	free(copy);
	return 0;
}
