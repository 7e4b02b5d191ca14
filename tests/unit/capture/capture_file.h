/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Writes captures into memory, in every form that there is of them. */
#include <stdio.h>

#include "tests/bpf/wire.h"

enum capture_form {
	CAPTURE_MICROSECONDS,
	CAPTURE_MICROSECONDS_SWAPPED, /* of a machine with the other byte order */
	CAPTURE_NANOSECONDS,
	CAPTURE_NANOSECONDS_SWAPPED,
	CAPTURE_NG,
	CAPTURE_FORMS,
};

struct capture_file {
	enum capture_form form;
	int link; /* LINKTYPE_ of the file */
	uint32_t snap;
	char *bytes;
	size_t length;
	FILE *stream; /* into bytes */
};

/* snap: bytes of a frame that are kept, 0: all. */
void capture_file_begin(struct capture_file *file, enum capture_form form, int link, uint32_t snap);

/* An Ethernet frame, rewritten for the file's link type. */
void capture_file_add(
	struct capture_file *file, const uint8_t *frame, size_t length, uint64_t time_ns);

/* Closes it: bytes and length are valid then, until free(bytes). */
void capture_file_end(struct capture_file *file);
