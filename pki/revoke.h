/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Certificates that shall count no more. */
#include "pki/store.h"

/*
 * Revokes all certificates in force that a node has, or the one with this serial number, and
 * writes the list, also into the nodes' folders. -ENOENT: there is none.
 */
int stoq_pki_store_revoke(struct stoq_pki_store *store, const char *node_or_serial, time_t now,
	size_t *count, struct stoq_error *error);
