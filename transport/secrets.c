// SPDX-License-Identifier: BSD-2-Clause
/*
 * HKDF (RFC 5869) with SHA-256. Extract: salt "stoq/1 secrets", of the file's bytes, or of the
 * private key as PKCS #8 DER. Expand, one label for each secret:
 *
 *	"connection IDs", "stateless resets"	a zero byte, and without a file the bound address
 *	"address tokens"			the same, and the ID of the machine's present boot
 *
 * The address is in it because a transport answers for any connection ID that it does not know.
 *With the same secret at two ports, one of them would give away the token of a connection that
 *lives at the other (RFC 9000, section 21.11). The boot is in it because address tokens carry times
 *of a clock that starts at zero with the machine. The key of TLS's tickets is never kept: what was
 *seen of early data is lost with a process, and its tickets have to be, too.
 */
#include "transport/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "datapath/address.h"
#include "pki/files.h"
#include "transport/credentials.h"
#include "transport/endpoint.h"

#define MASTER_BYTES   32
#define FILE_BYTES_MIN 32
#define BOOT_ID_BYTES  36
#define CONTEXT_BYTES  (STOQ_ADDRESS_TEXT + BOOT_ID_BYTES + 32)
#define HASH	       GNUTLS_MAC_SHA256

static int no_random_numbers(struct stoq_error *error)
{
	return stoq_error_set(error, -EIO, "the system has no random numbers");
}

/* ---- what they are made from ---- */

static int extract(uint8_t master[static MASTER_BYTES], const gnutls_datum_t *material,
	struct stoq_error *error)
{
	static const char text[] = "stoq/1 secrets";
	const gnutls_datum_t salt = {.data = (unsigned char *)text, .size = sizeof(text) - 1};

	if (gnutls_hkdf_extract(HASH, material, &salt, master) < 0)
		return stoq_error_set(error, -EIO, "GnuTLS lacks HKDF with SHA-256");
	return 0;
}

/* A new file with random bytes, whole or not at all; another process may be as fast as we are. */
static int make_file(const char *path, struct stoq_error *error)
{
	char draft[STOQ_PKI_PATH_MAX];
	uint8_t bytes[MASTER_BYTES];
	int fd, code = 0;

	if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof(bytes)) < 0)
		return no_random_numbers(error);
	if ((size_t)snprintf(draft, sizeof(draft), "%s.XXXXXX", path) >= sizeof(draft))
		return stoq_error_set(error, -ENAMETOOLONG, "reset_key_file: the path is too long");
	fd = mkostemp(draft, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return stoq_error_set(error, -errno, "reset_key_file %s cannot be made: %m", path);
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || fsync(fd) ||
		(link(draft, path) && errno != EEXIST))
		code = errno ? -errno : -EIO;
	unlink(draft);
	close(fd);
	explicit_bzero(bytes, sizeof(bytes));
	return code ? stoq_error_set(error, code, "reset_key_file %s cannot be written: %s", path,
			      strerror(-code))
		    : 0;
}

static int from_file(
	uint8_t master[static MASTER_BYTES], const char *path, struct stoq_error *error)
{
	gnutls_datum_t bytes;
	int status = 0;

	if (access(path, F_OK) && errno == ENOENT)
		status = make_file(path, error);
	if (!status)
		status = stoq_pki_read_file(&bytes, path, "the key", error);
	if (status)
		return status;
	if (bytes.size < FILE_BYTES_MIN)
		status = stoq_error_set(error, -EINVAL,
			"reset_key_file %s holds %u bytes, and %d are needed. Remove it: it is "
			"made "
			"again",
			path, bytes.size, FILE_BYTES_MIN);
	else
		status = extract(master, &bytes, error);
	gnutls_memset(bytes.data, 0, bytes.size);
	gnutls_free(bytes.data);
	return status;
}

/* false: we have no certificate. */
static bool private_key(const struct stoq_credentials *credentials, gnutls_datum_t *der)
{
	gnutls_x509_privkey_t key = NULL;
	bool found = gnutls_certificate_get_x509_key(credentials->certificates, 0, &key) >= 0 &&
		     gnutls_x509_privkey_export2_pkcs8(
			     key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN, der) >= 0;

	if (key)
		gnutls_x509_privkey_deinit(key);
	return found;
}

static int from_certificate(uint8_t master[static MASTER_BYTES],
	const struct stoq_credentials *credentials, struct stoq_error *error)
{
	gnutls_datum_t der = {0};
	int status;

	if (!private_key(credentials, &der))
		return gnutls_rnd(GNUTLS_RND_KEY, master, MASTER_BYTES) < 0
			       ? no_random_numbers(error)
			       : 0;
	status = extract(master, &der, error);
	gnutls_memset(der.data, 0, der.size);
	gnutls_free(der.data);
	return status;
}

/* ---- what is made from that ---- */

struct context {
	char bytes[CONTEXT_BYTES];
	size_t size;
};

static void add(struct context *context, const char *text, size_t size)
{
	if (size > sizeof(context->bytes) - context->size)
		size = sizeof(context->bytes) - context->size;
	memcpy(context->bytes + context->size, text, size);
	context->size += size;
}

/* 0 or -EIO. */
static int expand(const uint8_t master[static MASTER_BYTES], const char *label,
	const struct context *of, void *secret, size_t size)
{
	const gnutls_datum_t key = {.data = (unsigned char *)master, .size = MASTER_BYTES};
	struct context info = {.size = 0};
	gnutls_datum_t datum;

	add(&info, label, strlen(label) + 1);
	add(&info, of->bytes, of->size);
	datum = (gnutls_datum_t){.data = (unsigned char *)info.bytes, .size = info.size};
	return gnutls_hkdf_expand(HASH, &key, &datum, secret, size) < 0 ? -EIO : 0;
}

/* Adds it; without one nothing is said: the tokens are then good for this process. */
static void add_boot(struct context *context)
{
	char id[BOOT_ID_BYTES];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, id, sizeof(id));

	if (size != sizeof(id) && gnutls_rnd(GNUTLS_RND_NONCE, id, sizeof(id)) < 0)
		memset(id, 0, sizeof(id));
	add(context, id, sizeof(id));
	if (fd >= 0)
		close(fd);
}

int stoq_secrets_make(struct stoq_transport *transport, const struct stoq_address *local,
	struct stoq_error *error)
{
	const char *path = transport->settings->config.reset_key_file;
	char address[STOQ_ADDRESS_TEXT];
	uint8_t master[MASTER_BYTES];
	struct context context = {.size = 0};
	int status = path ? from_file(master, path, error)
			  : from_certificate(master, transport->credentials, error);

	if (status)
		return status;
	if (!path) {
		stoq_address_text(address, local);
		add(&context, address, strlen(address));
	}
	status = expand(master, "connection IDs", &context, &transport->cid_key,
		sizeof(transport->cid_key));
	if (!status)
		status = expand(master, "stateless resets", &context, transport->reset_secret,
			sizeof(transport->reset_secret));
	add_boot(&context);
	if (!status)
		status = expand(master, "address tokens", &context, transport->token_secret,
			sizeof(transport->token_secret));
	explicit_bzero(master, sizeof(master));
	if (status ||
		gnutls_rnd(GNUTLS_RND_KEY, &transport->hash_key, sizeof(transport->hash_key)) < 0)
		return no_random_numbers(error);
	return 0;
}
