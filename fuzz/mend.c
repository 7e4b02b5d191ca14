// SPDX-License-Identifier: BSD-2-Clause
#include "mend.h"

#include <endian.h>
#include <string.h>
#include <zlib.h>

#include "record/entry.h"

void mend_record(uint8_t *bytes, size_t size)
{
	struct stoq_record_wire_header *header = (void *)bytes;
	size_t at = sizeof(*header);

	if (size < at)
		return;
	header->crc =
		htole32((uint32_t)crc32(0, bytes, offsetof(struct stoq_record_wire_header, crc)));
	while (at + sizeof(struct stoq_record_wire_block) <= size) {
		struct stoq_record_wire_block block;
		uint32_t stored;

		memcpy(&block, bytes + at, sizeof(block));
		stored = le32toh(block.stored_bytes);
		if (stored > size - at - sizeof(block))
			return;
		block.crc = htole32(stoq_record_block_crc(&block, bytes + at + sizeof(block)));
		memcpy(bytes + at, &block, sizeof(block));
		at += sizeof(block) + stored;
	}
}
