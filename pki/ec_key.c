// SPDX-License-Identifier: BSD-2-Clause
#include "pki/ec_key.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <string.h>

#define FIELD_BYTES 32

/* PrivateKeyInfo (RFC 5958, section 2) around ECPrivateKey (RFC 5915, section 3), in DER. */
struct ec_private_key {
	uint8_t head[36];
	uint8_t scalar[FIELD_BYTES];
	uint8_t middle[6];
	uint8_t x[FIELD_BYTES], y[FIELD_BYTES];
};

_Static_assert(sizeof(struct ec_private_key) == 138, "no padding");

static const struct ec_private_key empty = {
	.head = {0x30, 0x81, 0x87,				      /* SEQUENCE of 135 bytes */
		0x02, 0x01, 0x00,				      /* version 0 */
		0x30, 0x13,					      /* algorithm: */
		0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, /* id-ecPublicKey */
		0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, /* secp256r1 */
		0x04, 0x6d,	    /* privateKey: an OCTET STRING that holds */
		0x30, 0x6b,	    /* ECPrivateKey: */
		0x02, 0x01, 0x01,   /* version 1 */
		0x04, FIELD_BYTES}, /* privateKey */
	.middle = {0xa1, 0x44,	    /* [1] publicKey: */
		0x03, 0x42, 0x00,   /* a BIT STRING */
		0x04},		    /* that holds an uncompressed point */
};

/* A number without leading zeros, into a field of fixed width. */
static int put_number(uint8_t field[static FIELD_BYTES], const gnutls_datum_t *number)
{
	if (number->size > FIELD_BYTES)
		return GNUTLS_E_INTERNAL_ERROR;
	memcpy(field + FIELD_BYTES - number->size, number->data, number->size);
	return 0;
}

static void wipe(gnutls_datum_t *number)
{
	if (number->data)
		gnutls_memset(number->data, 0, number->size);
	gnutls_free(number->data);
}

static int fill(struct ec_private_key *der, gnutls_privkey_t key)
{
	gnutls_datum_t x = {0}, y = {0}, scalar = {0};
	gnutls_ecc_curve_t curve;
	int code = gnutls_privkey_export_ecc_raw2(
		key, &curve, &x, &y, &scalar, GNUTLS_EXPORT_FLAG_NO_LZ);

	if (code >= 0 && curve != GNUTLS_ECC_CURVE_SECP256R1)
		code = GNUTLS_E_ECC_UNSUPPORTED_CURVE;
	if (code >= 0)
		code = put_number(der->scalar, &scalar);
	if (code >= 0)
		code = put_number(der->x, &x);
	if (code >= 0)
		code = put_number(der->y, &y);
	wipe(&scalar);
	gnutls_free(x.data);
	gnutls_free(y.data);
	return code;
}

int stoq_pki_ec_key_text(gnutls_datum_t *text, gnutls_x509_privkey_t key)
{
	struct ec_private_key der = empty;
	const gnutls_datum_t bytes = {(unsigned char *)&der, sizeof(der)};
	gnutls_privkey_t abstract;
	int code = gnutls_privkey_init(&abstract);

	if (code < 0)
		return code;
	code = gnutls_privkey_import_x509(abstract, key, 0);
	if (code >= 0)
		code = fill(&der, abstract);
	if (code >= 0)
		code = gnutls_pem_base64_encode2("PRIVATE KEY", &bytes, text);
	gnutls_memset(&der, 0, sizeof(der));
	gnutls_privkey_deinit(abstract);
	return code;
}
