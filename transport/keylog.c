// SPDX-License-Identifier: BSD-2-Clause
#include "transport/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "transport/endpoint.h"

int stoq_keylog_open(struct stoq_transport *transport, struct stoq_error *error)
{
	const char *path = transport->settings->config.tls.keylog_file;
	int descriptor, code;

	if (!path)
		return 0;
	descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (descriptor >= 0)
		transport->keylog = fdopen(descriptor, "a");
	if (!transport->keylog) {
		code = -errno;
		if (descriptor >= 0)
			close(descriptor);
		return stoq_error_set(
			error, code, "the key log %s cannot be opened: %s", path, strerror(-code));
	}
	stoq_transport_log(transport, STOQ_LOG_WARNING,
		"the secrets of all connections are written to %s: who reads it can decrypt them",
		path);
	return 0;
}

static void put_hex(FILE *file, const gnutls_datum_t *bytes)
{
	for (unsigned int i = 0; i < bytes->size; i++)
		fprintf(file, "%02x", bytes->data[i]);
}

void stoq_transport_keylog(struct stoq_transport *transport, const char *label,
	const gnutls_datum_t *random, const gnutls_datum_t *secret)
{
	if (!transport->keylog)
		return;
	pthread_mutex_lock(&transport->lock);
	fprintf(transport->keylog, "%s ", label);
	put_hex(transport->keylog, random);
	fputc(' ', transport->keylog);
	put_hex(transport->keylog, secret);
	fputc('\n', transport->keylog);
	fflush(transport->keylog);
	pthread_mutex_unlock(&transport->lock);
}
