/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* TLS credentials from PEM text, and who is refused, why. */
#include <gnutls/gnutls.h>

#include "pki/material.h"

/*
 * Checks everything that can be checked before a peer comes: that the key is the certificate's,
 * that the authority issued it, that it is in force at `now`, and that the revocation list is that
 * authority's. Free with gnutls_certificate_free_credentials().
 */
int stoq_pki_credentials_new(gnutls_certificate_credentials_t *credentials,
	const struct stoq_pki_material *material, time_t now, struct stoq_error *error);
