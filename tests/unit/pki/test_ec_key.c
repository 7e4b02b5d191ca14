// SPDX-License-Identifier: BSD-2-Clause
/* A key's scalar has 32 bytes, whatever its value (RFC 5915, section 3). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/certificate.h"

#define FIELD_BYTES  32
#define DER_BYTES    138
#define SCALAR_AT    36
#define POINT_AT     (SCALAR_AT + FIELD_BYTES + 6)
#define KEYS_TO_MAKE 32

/* The base point and the order of P-256 (SEC 2, section 2.4.2). */
static const char base_x[] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
static const char base_y[] = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
static const char opposite_y[] = "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a";
static const char one[] = "0000000000000000000000000000000000000000000000000000000000000001";
static const char order_less_one[] =
	"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";

static gnutls_datum_t number(uint8_t bytes[static FIELD_BYTES], const char *hex)
{
	const gnutls_datum_t text = {(unsigned char *)hex, (unsigned int)strlen(hex)};
	size_t size = FIELD_BYTES;

	assert_int_equal(gnutls_hex_decode(&text, bytes, &size), 0);
	assert_int_equal(size, FIELD_BYTES);
	return (gnutls_datum_t){bytes, FIELD_BYTES};
}

static gnutls_datum_t as_der(gnutls_x509_privkey_t key)
{
	gnutls_datum_t text, der;
	struct stoq_error error;

	assert_int_equal(stoq_pki_key_text(&text, key, &error), 0);
	/* Others read it as text. */
	assert_int_equal(strlen((const char *)text.data), text.size);
	assert_int_equal(gnutls_pem_base64_decode2("PRIVATE KEY", &text, &der), 0);
	stoq_pki_text_free(&text);
	return der;
}

static void check(const char *scalar_hex, const char *y_hex)
{
	uint8_t x_bytes[FIELD_BYTES], y_bytes[FIELD_BYTES], scalar_bytes[FIELD_BYTES];
	const gnutls_datum_t x = number(x_bytes, base_x), y = number(y_bytes, y_hex),
			     scalar = number(scalar_bytes, scalar_hex);
	gnutls_x509_privkey_t key, again;
	gnutls_datum_t der;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_import_ecc_raw(
				 key, GNUTLS_ECC_CURVE_SECP256R1, &x, &y, &scalar),
		0);
	der = as_der(key);
	assert_int_equal(der.size, DER_BYTES);
	assert_int_equal(der.data[SCALAR_AT - 2], 0x04); /* OCTET STRING */
	assert_int_equal(der.data[SCALAR_AT - 1], FIELD_BYTES);
	assert_memory_equal(der.data + SCALAR_AT, scalar_bytes, FIELD_BYTES);
	assert_memory_equal(der.data + POINT_AT, x_bytes, FIELD_BYTES);
	assert_memory_equal(der.data + POINT_AT + FIELD_BYTES, y_bytes, FIELD_BYTES);
	/* A parser that is not ours finds it well formed. */
	assert_int_equal(gnutls_x509_privkey_init(&again), 0);
	assert_int_equal(gnutls_x509_privkey_import_pkcs8(
				 again, &der, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN),
		0);
	assert_int_equal(gnutls_x509_privkey_verify_params(again), 0);
	gnutls_x509_privkey_deinit(again);
	gnutls_x509_privkey_deinit(key);
	gnutls_free(der.data);
}

/* 31 zeros in front. */
static void test_small(void **state)
{
	check(one, base_y);
}

/* The first bit is set: a number would get a zero in front. */
static void test_large(void **state)
{
	check(order_less_one, opposite_y);
}

/* As they come. */
static void test_random(void **state)
{
	for (int i = 0; i < KEYS_TO_MAKE; i++) {
		gnutls_x509_privkey_t key;
		gnutls_datum_t der;

		assert_int_equal(gnutls_x509_privkey_init(&key), 0);
		assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
			0);
		der = as_der(key);
		assert_int_equal(der.size, DER_BYTES);
		assert_int_equal(der.data[SCALAR_AT - 1], FIELD_BYTES);
		gnutls_free(der.data);
		gnutls_x509_privkey_deinit(key);
	}
}

/* `stoq pki` makes none on other curves; what cannot be written right is not written. */
static void test_other_curve(void **state)
{
	gnutls_x509_privkey_t key;
	struct stoq_error error;
	gnutls_datum_t text;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), 0),
		0);
	assert_int_equal(stoq_pki_key_text(&text, key, &error), -EINVAL);
	gnutls_x509_privkey_deinit(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_other_curve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
