// SPDX-License-Identifier: BSD-2-Clause
#include "transport/qlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "transport/connection.h"
#include "transport/endpoint.h"
#include "transport/worker.h"

static void write_qlog(void *user, uint32_t flags, const void *data, size_t size)
{
	struct stoq_connection *connection = user;

	/* A full disk costs the log, not the connection. */
	if (connection->qlog && size && fwrite(data, size, 1, connection->qlog) != 1)
		clearerr(connection->qlog);
}

/* The file; a negative descriptor with errno set if there is none. */
static int create(char path[static PATH_MAX], const struct stoq_connection *connection,
	const ngtcp2_cid *odcid)
{
	char id[2 * NGTCP2_MAX_CIDLEN + 1] = "";

	for (size_t i = 0; i < odcid->datalen; i++)
		snprintf(id + 2 * i, sizeof(id) - 2 * i, "%02x", odcid->data[i]);
	if (snprintf(path, PATH_MAX, "%s/%s-%s.sqlog", connection->settings->config.qlog_directory,
		    id, connection->server ? "server" : "client") >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

void stoq_qlog_open(
	struct stoq_connection *connection, ngtcp2_settings *settings, const ngtcp2_cid *odcid)
{
	char path[PATH_MAX];
	int descriptor;

	if (!connection->settings->config.qlog_directory)
		return;
	descriptor = create(path, connection, odcid);
	if (descriptor >= 0)
		connection->qlog = fdopen(descriptor, "w");
	if (!connection->qlog) {
		stoq_transport_log(connection->worker->transport, STOQ_LOG_WARNING,
			"the qlog file %s cannot be made: %s", path, strerror(errno));
		if (descriptor >= 0)
			close(descriptor);
		return;
	}
	STOQ_NGTCP2_QLOG(settings, odcid, write_qlog);
}
