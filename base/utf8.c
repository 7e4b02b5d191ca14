// SPDX-License-Identifier: BSD-2-Clause
#include "base/utf8.h"

size_t stoq_utf8_decode(const unsigned char *text, size_t length, uint32_t *character)
{
	static const uint32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = text[0];
	size_t bytes = lead < 0x80	   ? 1
		       : lead >> 5 == 0x06 ? 2
		       : lead >> 4 == 0x0e ? 3
		       : lead >> 3 == 0x1e ? 4
					   : 0;
	uint32_t value = bytes == 1 ? lead : lead & (0x7fu >> bytes);

	if (bytes == 0 || bytes > length)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < shortest[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return bytes;
}
