/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Certificates for nodes: with a new key, into the authority's folder and the node's. */
#include "pki/store.h"

/* What a node shall get. */
struct stoq_pki_order {
	const char *node; /* a DNS name, which the certificate gets first */
	const struct stoq_pki_name *names;
	size_t name_count; /* further names */
	unsigned int days; /* cut if the authority ends earlier */
	enum stoq_pki_key_type key_type;
	bool force; /* the node may have a certificate */
};

/*
 * Issues a certificate with a new key and makes the node's folder, whose path is returned. A
 * certificate that the node had stays in force until it expires or is revoked.
 */
int stoq_pki_store_issue(struct stoq_pki_store *store, const struct stoq_pki_order *order,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error);

/* Issues to a node that has a certificate a new one: same names, new key. days 0: as long. */
int stoq_pki_store_renew(struct stoq_pki_store *store, const char *node, unsigned int days,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error);
