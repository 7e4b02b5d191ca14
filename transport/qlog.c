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

static void file_name(
	char *out, size_t size, const struct stoq_connection *connection, const ngtcp2_cid *odcid)
{
	int end = snprintf(out, size, "%s/", connection->settings->config.qlog_directory);

	for (size_t i = 0; i < odcid->datalen && end > 0 && (size_t)end < size; i++)
		end += snprintf(out + end, size - end, "%02x", odcid->data[i]);
	if (end > 0 && (size_t)end < size)
		snprintf(out + end, size - end, "-%s.sqlog",
			connection->server ? "server" : "client");
}

void stoq_qlog_open(
	struct stoq_connection *connection, ngtcp2_settings *settings, const ngtcp2_cid *odcid)
{
	char path[PATH_MAX] = "";
	int descriptor;

	if (!connection->settings->config.qlog_directory)
		return;
	file_name(path, sizeof(path), connection, odcid);
	descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
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
