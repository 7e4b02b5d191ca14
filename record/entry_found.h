/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Of entries, those about what a check has found: violations, overlapping writes, their counts. entry.c has the others. */
#include "record/entry.h"

void stoq_record_encode_found(void *wire, const struct stoq_record_entry *entry);
/* entry->kind is one of these. */
void stoq_record_decode_found(struct stoq_record_entry *entry, const void *wire);
