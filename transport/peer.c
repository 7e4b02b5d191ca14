// SPDX-License-Identifier: BSD-2-Clause
/* Who the peer is: its certificates, as it showed them in this or in the resumed handshake. */
#include <errno.h>
#include <string.h>

#include "pki/names.h"
#include "transport/connection.h"
#include "transport/tls.h"

_Static_assert(sizeof(((struct stoq_peer_name *)0)->text) > STOQ_PKI_NAME_MAX, "a name fits");
_Static_assert((int)STOQ_NAME_DNS == (int)STOQ_PKI_DNS &&
		       (int)STOQ_NAME_ADDRESS == (int)STOQ_PKI_IP &&
		       (int)STOQ_NAME_URI == (int)STOQ_PKI_URI,
	"kinds of names are pki/'s types");

int stoq_connection_certificate(const struct stoq_connection *connection, unsigned int index,
	const uint8_t **der, size_t *size)
{
	const gnutls_datum_t *list;
	unsigned int count = 0;

	if (!connection->tls || !connection->tls_over)
		return -ENOTCONN;
	list = gnutls_certificate_get_peers(connection->tls, &count);
	if (!list || index >= count)
		return -ENOENT;
	*der = list[index].data;
	*size = list[index].size;
	return 0;
}

static int read_names(
	const uint8_t *der, size_t size, struct stoq_pki_name names[static STOQ_PKI_NAMES_MAX])
{
	const gnutls_datum_t datum = {.data = (unsigned char *)der, .size = (unsigned int)size};
	gnutls_x509_crt_t certificate;
	int count = -EBADMSG;

	if (gnutls_x509_crt_init(&certificate) < 0)
		return -ENOMEM;
	if (gnutls_x509_crt_import(certificate, &datum, GNUTLS_X509_FMT_DER) >= 0)
		count = (int)stoq_pki_names_of(certificate, names);
	gnutls_x509_crt_deinit(certificate);
	return count;
}

int stoq_connection_names(
	const struct stoq_connection *connection, struct stoq_peer_name *names, size_t max)
{
	struct stoq_pki_name read[STOQ_PKI_NAMES_MAX];
	const uint8_t *der;
	size_t size;
	int count = stoq_connection_certificate(connection, 0, &der, &size);

	if (!count)
		count = read_names(der, size, read);
	for (int i = 0; i < count && (size_t)i < max; i++) {
		names[i].kind = (enum stoq_name_kind)read[i].type;
		memcpy(names[i].text, read[i].text, STOQ_PKI_NAME_MAX + 1);
	}
	return count;
}
