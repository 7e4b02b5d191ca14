// SPDX-License-Identifier: BSD-2-Clause
#include "pki/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DNS_LABEL_MAX 63

const char *stoq_pki_name_type_name(enum stoq_pki_name_type type)
{
	static const char *const names[] = {"dns", "ip", "uri"};

	return names[type];
}

/* Labels of letters, digits and hyphens, none of these at an end. */
static bool is_dns_name(const char *text)
{
	size_t label = 0;

	for (const char *at = text; *at; at++) {
		if (*at == '.') {
			if (!label || at[-1] == '-')
				return false;
			label = 0;
		} else if (isalnum((unsigned char)*at) || (*at == '-' && label)) {
			if (++label > DNS_LABEL_MAX)
				return false;
		} else {
			return false;
		}
	}
	return label && text[strlen(text) - 1] != '-';
}

/* A scheme, a colon, and something printable behind it (RFC 3986); an NQN is such a text. */
static bool is_uri(const char *text)
{
	const char *at = text;

	if (!isalpha((unsigned char)*at))
		return false;
	while (isalnum((unsigned char)*at) || (*at && strchr("+-.", *at)))
		at++;
	if (*at++ != ':' || !*at)
		return false;
	for (; *at; at++) {
		if (!isgraph((unsigned char)*at))
			return false;
	}
	return true;
}

/* Addresses have many spellings; one is kept. */
static bool take_address(struct stoq_pki_name *name, const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return inet_ntop(AF_INET, bytes, name->text, sizeof(name->text)) != NULL;
	return inet_pton(AF_INET6, text, bytes) == 1 &&
	       inet_ntop(AF_INET6, bytes, name->text, sizeof(name->text)) != NULL;
}

int stoq_pki_name_set(struct stoq_pki_name *name, enum stoq_pki_name_type type, const char *text,
	struct stoq_error *error)
{
	static const char *const expected[] = {
		"a DNS name: letters, digits and hyphens between dots, no wildcard",
		"an IPv4 or IPv6 address", "a URI or an NQN, such as nqn.2014-08.org.example:db1"};
	bool good = strlen(text) <= STOQ_PKI_NAME_MAX;

	name->type = type;
	if (good && type == STOQ_PKI_IP)
		good = take_address(name, text);
	else if (good)
		good = type == STOQ_PKI_DNS ? is_dns_name(text) : is_uri(text);
	if (!good)
		return stoq_error_set(error, -EINVAL, "'%.60s' is not %s", text, expected[type]);
	if (type != STOQ_PKI_IP)
		snprintf(name->text, sizeof(name->text), "%s", text);
	return 0;
}

/* An address as people write it when they mean a host; false: it is not one. */
static bool parse_address(struct stoq_pki_name *name, const char *text)
{
	static const char mapped[] = "::ffff:";
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");
	bool zone = text[length] != '\0';

	if (length >= sizeof(address) || (zone && !text[length + 1]))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (stoq_pki_name_set(name, STOQ_PKI_IP, address, NULL) ||
		(zone && !strchr(name->text, ':')))
		return false;
	/* inet_ntop() writes those, and only those, with dots behind these letters. */
	if (strncmp(name->text, mapped, strlen(mapped)) == 0 && strchr(name->text, '.'))
		memmove(name->text, name->text + strlen(mapped),
			strlen(name->text + strlen(mapped)) + 1);
	return true;
}

int stoq_pki_name_parse(struct stoq_pki_name *name, const char *text, struct stoq_error *error)
{
	if (parse_address(name, text))
		return 0;
	return stoq_pki_name_set(
		name, strchr(text, ':') ? STOQ_PKI_URI : STOQ_PKI_DNS, text, error);
}

bool stoq_pki_name_is_server_name(const struct stoq_pki_name *name)
{
	const char *dot = strrchr(name->text, '.');
	const char *last = dot ? dot + 1 : name->text;

	return name->type == STOQ_PKI_DNS && last[strspn(last, "0123456789")] != '\0';
}

bool stoq_pki_name_equal(const struct stoq_pki_name *a, const struct stoq_pki_name *b)
{
	if (a->type != b->type)
		return false;
	return a->type == STOQ_PKI_DNS ? strcasecmp(a->text, b->text) == 0
				       : strcmp(a->text, b->text) == 0;
}

bool stoq_pki_name_matches(const struct stoq_pki_name *name, const char *pattern)
{
	struct stoq_pki_name wanted;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (strncmp(pattern, "*.", 2) == 0) {
		const char *dot = strchr(name->text, '.');

		return name->type == STOQ_PKI_DNS && dot && strcasecmp(dot, pattern + 1) == 0;
	}
	return !stoq_pki_name_parse(&wanted, pattern, NULL) && stoq_pki_name_equal(name, &wanted);
}

/* True if the certificate's name number `index` is one of ours. */
static bool read_name(
	gnutls_x509_crt_t certificate, unsigned int index, struct stoq_pki_name *name, bool *more)
{
	char bytes[STOQ_PKI_NAME_MAX + 1];
	size_t size = STOQ_PKI_NAME_MAX;
	int type = gnutls_x509_crt_get_subject_alt_name(certificate, index, bytes, &size, NULL);

	*more = type != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
	if (type == GNUTLS_SAN_IPADDRESS) {
		name->type = STOQ_PKI_IP;
		return (size == 4 || size == 16) && inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes,
							    name->text, sizeof(name->text)) != NULL;
	}
	if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_URI)
		return false;
	bytes[size] = '\0';
	/* A zero inside would make a name look like another. */
	return strlen(bytes) == size &&
	       stoq_pki_name_set(name, type == GNUTLS_SAN_URI ? STOQ_PKI_URI : STOQ_PKI_DNS, bytes,
		       NULL) == 0;
}

size_t stoq_pki_names_of(
	gnutls_x509_crt_t certificate, struct stoq_pki_name names[static STOQ_PKI_NAMES_MAX])
{
	/* As many foreign ones are looked at, no more: a peer chooses how many it sends. */
	const unsigned int indexes_max = 4 * STOQ_PKI_NAMES_MAX;
	size_t count = 0;
	bool more = true;

	for (unsigned int i = 0; more && i < indexes_max && count < STOQ_PKI_NAMES_MAX; i++) {
		if (read_name(certificate, i, &names[count], &more))
			count++;
	}
	return count;
}

static int add_name(gnutls_x509_crt_t certificate, const struct stoq_pki_name *name)
{
	unsigned char address[16];

	switch (name->type) {
	case STOQ_PKI_DNS:
		return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME,
			name->text, (unsigned int)strlen(name->text), GNUTLS_FSAN_APPEND);
	case STOQ_PKI_URI:
		return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_URI, name->text,
			(unsigned int)strlen(name->text), GNUTLS_FSAN_APPEND);
	default:
		if (inet_pton(AF_INET, name->text, address) == 1)
			return gnutls_x509_crt_set_subject_alt_name(
				certificate, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND);
		if (inet_pton(AF_INET6, name->text, address) == 1)
			return gnutls_x509_crt_set_subject_alt_name(
				certificate, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND);
		return GNUTLS_E_INVALID_REQUEST;
	}
}

int stoq_pki_names_add(
	gnutls_x509_crt_t certificate, const struct stoq_pki_name *names, size_t count)
{
	int code = 0;

	for (size_t i = 0; i < count && !code; i++)
		code = add_name(certificate, &names[i]);
	return code;
}
