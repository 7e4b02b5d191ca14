/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Inputs that are files, in a folder that is gone at the end. */
#include <stddef.h>
#include <stdint.h>

/* The path of a file, or of a folder that is made, in that folder. Sixteen live at a time. */
const char *file_path(const char *name);
const char *file_folder(const char *name);

/* Has these bytes from now on. */
void file_write(const char *name, const uint8_t *bytes, size_t size);
