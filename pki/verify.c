// SPDX-License-Identifier: BSD-2-Clause
#include "pki/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pki/credentials.h"
#include "pki/describe.h"

/* What is said of a peer. */
struct judged {
	gnutls_x509_crt_t certificate;
	struct stoq_pki_description description;
	struct stoq_pki_refusal *refusal;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct stoq_pki_refusal *refusal, int alert, const char *format, ...)
{
	va_list arguments;

	refusal->alert = alert;
	va_start(arguments, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, arguments);
	va_end(arguments);
	return -EACCES;
}

static int refuse_dates(const struct judged *judged, bool expired)
{
	const struct stoq_pki_description *who = &judged->description;
	char when[STOQ_PKI_TIME_BYTES];

	if (expired)
		return refuse(judged->refusal, GNUTLS_A_CERTIFICATE_EXPIRED,
			"the certificate of %s expired on %s", who->subject,
			stoq_pki_time_text(when, who->not_after));
	return refuse(judged->refusal, GNUTLS_A_BAD_CERTIFICATE,
		"the certificate of %s is not valid before %s: the clocks may differ", who->subject,
		stoq_pki_time_text(when, who->not_before));
}

/* The most telling of GnuTLS's reasons. */
static int refuse_status(const struct judged *judged, unsigned int status)
{
	const struct stoq_pki_description *who = &judged->description;
	struct stoq_pki_refusal *refusal = judged->refusal;

	if (status & GNUTLS_CERT_REVOKED)
		return refuse(refusal, GNUTLS_A_CERTIFICATE_REVOKED,
			"the certificate of %s (serial number %s) is revoked", who->subject,
			who->serial);
	if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
		return refuse(refusal, GNUTLS_A_UNKNOWN_CA,
			"the certificate of %s was issued by %s, which is not our authority",
			who->subject, who->issuer);
	if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
		return refuse_dates(judged, status & GNUTLS_CERT_EXPIRED);
	if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
		return refuse(refusal, GNUTLS_A_UNSUPPORTED_CERTIFICATE,
			"the certificate of %s is not for this side of TLS", who->subject);
	if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
		return refuse(refusal, GNUTLS_A_DECRYPT_ERROR,
			"the certificate of %s has a wrong signature", who->subject);
	if (status & (GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
			     GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE))
		return refuse(refusal, GNUTLS_A_BAD_CERTIFICATE,
			"our revocation list is out of date, or our clock is wrong: copy the "
			"authority's crl.pem here");
	return refuse(refusal, GNUTLS_A_BAD_CERTIFICATE,
		"the certificate of %s is refused (GnuTLS status 0x%x)", who->subject, status);
}

/* How the peer's names are told: "db1, 192.0.2.1". */
static void list_names(const struct stoq_pki_description *who, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, "none");
	for (size_t i = 0; i < who->name_count && used < size; i++) {
		int length = snprintf(
			text + used, size - used, "%s%s", i ? ", " : "", who->names[i].text);

		used += length > 0 ? (size_t)length : 0;
	}
}

static const struct stoq_pki_name *find_name(
	const struct stoq_pki_description *who, const char *pattern)
{
	for (size_t i = 0; i < who->name_count; i++) {
		if (stoq_pki_name_matches(&who->names[i], pattern))
			return &who->names[i];
	}
	return NULL;
}

static const struct stoq_pki_name *find_allowed(
	const struct stoq_pki_description *who, const struct stoq_pki_expectation *expectation)
{
	const struct stoq_pki_name *found = NULL;

	for (size_t i = 0; i < expectation->pattern_count && !found; i++)
		found = find_name(who, expectation->patterns[i]);
	return found;
}

static int check_name(const struct judged *judged, const struct stoq_pki_expectation *expectation,
	struct stoq_pki_name *authorised)
{
	const struct stoq_pki_description *who = &judged->description;
	const struct stoq_pki_name *named = NULL, *allowed = find_allowed(who, expectation);
	char names[200];

	list_names(who, names, sizeof(names));
	if (expectation->name) {
		named = find_name(who, expectation->name);
		if (!named)
			return refuse(judged->refusal, GNUTLS_A_BAD_CERTIFICATE,
				"the peer is not %.120s: its certificate is for %s",
				expectation->name, names);
	}
	if (!allowed && (expectation->pattern_count || !named))
		return refuse(judged->refusal, GNUTLS_A_ACCESS_DENIED,
			"no peer of this name is allowed here: %s", names);
	*authorised = named ? *named : *allowed;
	return 0;
}

/* The peer's own certificate, the first of those it sent. */
static int read_peer(gnutls_session_t session, struct judged *judged)
{
	unsigned int count = 0;
	const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &count);

	if (!sent || !count)
		return refuse(judged->refusal, GNUTLS_A_CERTIFICATE_REQUIRED,
			"the peer showed no certificate");
	if (gnutls_x509_crt_init(&judged->certificate) < 0)
		return refuse(judged->refusal, GNUTLS_A_INTERNAL_ERROR, "out of memory");
	if (gnutls_x509_crt_import(judged->certificate, sent, GNUTLS_X509_FMT_DER) < 0)
		return refuse(judged->refusal, GNUTLS_A_BAD_CERTIFICATE,
			"the peer's certificate cannot be read");
	stoq_pki_describe(&judged->description, judged->certificate);
	return 0;
}

static int judge(gnutls_session_t session, const struct judged *judged,
	const struct stoq_pki_expectation *expectation, struct stoq_pki_name *authorised)
{
	const char *purpose =
		expectation->peer_is_server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st data = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose, 0};
	unsigned int status = 0;
	const int code = gnutls_certificate_verify_peers(session, &data, 1, &status);

	if (code < 0)
		return refuse(judged->refusal, GNUTLS_A_BAD_CERTIFICATE,
			"the certificate of %s cannot be checked: GnuTLS says: %s",
			judged->description.subject, gnutls_strerror(code));
	if (status)
		return refuse_status(judged, status);
	return check_name(judged, expectation, authorised);
}

int stoq_pki_verify_peer(gnutls_session_t session, const struct stoq_pki_expectation *expectation,
	struct stoq_pki_name *authorised, struct stoq_pki_refusal *refusal)
{
	struct judged judged = {.refusal = refusal};
	int ret;

	*refusal = (struct stoq_pki_refusal){0};
	ret = read_peer(session, &judged);
	if (!ret)
		ret = judge(session, &judged, expectation, authorised);
	if (judged.certificate)
		gnutls_x509_crt_deinit(judged.certificate);
	return ret;
}
