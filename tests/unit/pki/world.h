/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Authorities and peers for tests; failing is the test's failure. */
#include "pki/material.h"

/* An authority by this name, in force for 30 days. */
void world_authority(struct stoq_pki_identity *authority, const char *name);

/* A peer with one name (its type told by the text), in force from..to seconds from now. */
void world_peer(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	const char *name, long from_s, long to_s);

/* Puts a list into `material` that says that the certificate of `revoked` is; NULL: no one's. */
void world_revoke(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	const struct stoq_pki_material *revoked);

/* A certificate with whatever `customise` gives it, signed by the authority, with its key. */
void world_custom(struct stoq_pki_material *material, const struct stoq_pki_identity *authority,
	void (*customise)(gnutls_x509_crt_t certificate));
