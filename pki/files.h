/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Files of keys and certificates. Nothing is ever half written under its name: a file, or a folder
 * of files, is written beside its place, synced, and renamed into it.
 */
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define STOQ_PKI_FILE_MAX (1u << 20)
#define STOQ_PKI_PATH_MAX 4096

/*
 * Reads a regular file of at most STOQ_PKI_FILE_MAX bytes; free it with stoq_pki_text_free().
 * secret: what it is in errors, such as "the private key": a file that others than its owner (or, of
 * root's, its group) can read is refused. NULL: everyone may read it.
 */
int stoq_pki_read_file(
	gnutls_datum_t *text, const char *path, const char *secret, struct stoq_error *error);

/* A file to be written. */
struct stoq_pki_file {
	const char *name;
	gnutls_datum_t text;
};

/* Writes folder/name with mode 0600, in place of what was there. */
int stoq_pki_write_file(
	const char *folder, const struct stoq_pki_file *file, struct stoq_error *error);

/*
 * Makes the folder `path` (mode 0700) with these files (0600). What was there stays whole until the
 * new one is, and is then removed, or moved to `aside` if that is not NULL.
 */
int stoq_pki_write_folder(const char *path, const struct stoq_pki_file *files, size_t count,
	const char *aside, struct stoq_error *error);

/* Makes a folder, mode 0700, if it is not there. */
int stoq_pki_make_folder(const char *path, struct stoq_error *error);

/* folder/name; -ENAMETOOLONG. */
int stoq_pki_path(char path[static STOQ_PKI_PATH_MAX], const char *folder, const char *name,
	struct stoq_error *error);

/* Removes drafts that an interrupted write left in the folder. */
void stoq_pki_sweep_drafts(const char *folder);
