/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Makes the checksums of a record right: of its header, and of each block. */
void mend_record(uint8_t *bytes, size_t size);
