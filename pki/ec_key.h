/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A P-256 key as PKCS#8 with a scalar of 32 bytes (RFC 5915, section 3). GnuTLS 3.7 and 3.8 write
 * it as a number: 33 bytes where its first bit is set, fewer than 32 where it begins with zeros.
 * rustls and others refuse such keys.
 */
#include <gnutls/x509.h>

/* PEM, as stoq_pki_key_text() makes it. The key must be on P-256. 0 or a negative code of GnuTLS.
 */
int stoq_pki_ec_key_text(gnutls_datum_t *text, gnutls_x509_privkey_t key);
