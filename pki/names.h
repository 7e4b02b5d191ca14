/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The names of a peer: what a certificate's subjectAltName holds, and what peers are authorised by.
 * A name in a certificate stands for one peer: it has no wildcards there, and the subject's common
 * name never counts.
 */
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define STOQ_PKI_NAME_MAX  255
#define STOQ_PKI_NAMES_MAX 32

enum stoq_pki_name_type { STOQ_PKI_DNS, STOQ_PKI_IP, STOQ_PKI_URI };

struct stoq_pki_name {
	enum stoq_pki_name_type type;
	char text[STOQ_PKI_NAME_MAX + 1]; /* as people write it; an address in its usual form */
};

/* "dns", "ip", "uri". */
const char *stoq_pki_name_type_name(enum stoq_pki_name_type type);

/* Checks the text and stores it; -EINVAL says what is wrong with it. */
int stoq_pki_name_set(struct stoq_pki_name *name, enum stoq_pki_name_type type, const char *text,
	struct stoq_error *error);

/*
 * The same, the type told by the text: an address, else a URI if it has a colon, else a DNS name.
 * An IPv6 address may have a zone, "fe80::1%eth0", which is left out: certificates have none. An
 * IPv4 address in IPv6 form, "::ffff:192.0.2.1", is that IPv4 address.
 */
int stoq_pki_name_parse(struct stoq_pki_name *name, const char *text, struct stoq_error *error);

/*
 * Whether TLS's server_name may have it: RFC 6066, section 3, allows DNS names only. What ends with
 * a label of digits looks like an address, and no host is called so (RFC 1123, section 2.1).
 */
bool stoq_pki_name_is_server_name(const struct stoq_pki_name *name);

/* DNS names regardless of case, the others byte by byte. */
bool stoq_pki_name_equal(const struct stoq_pki_name *a, const struct stoq_pki_name *b);

/*
 * Whether a peer of this name is meant by "db1.example.org", an address, a URI, "*.example.org" (a
 * DNS name with one label in place of the star) or "*" (every name).
 */
bool stoq_pki_name_matches(const struct stoq_pki_name *name, const char *pattern);

/* The certificate's names, at most STOQ_PKI_NAMES_MAX; those that STOQ would not write are left
 * out. */
size_t stoq_pki_names_of(
	gnutls_x509_crt_t certificate, struct stoq_pki_name names[static STOQ_PKI_NAMES_MAX]);

/* Adds them to a certificate that is being made: 0 or GnuTLS's error. */
int stoq_pki_names_add(
	gnutls_x509_crt_t certificate, const struct stoq_pki_name *names, size_t count);
