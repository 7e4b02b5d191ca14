// SPDX-License-Identifier: BSD-2-Clause
#include "tool/records/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/privileges.h"
#include "tool/message.h"
#include "tool/records/options.h"
#include "tool/records/verb_records.h"

#define RETRY_NS 2000000ull /* a reader that was full is looked at again after so long */

struct fetch {
	struct stoq_transport *transport;
	const struct records_options *options;
	struct stoq_stream *stream; /* that waits for its reader */
	bool finished; /* the other end has sent its last byte, and all were handed on */
	bool reader_gone;
};

static void retry(void *argument)
{
	struct fetch *fetch = argument;

	if (fetch->stream)
		stoq_stream_resume(fetch->stream);
	fetch->stream = NULL;
}

static void leave(struct fetch *fetch, struct stoq_stream *stream)
{
	stoq_connection_close(stoq_stream_connection(stream), 0, "");
	stoq_transport_stop(fetch->transport);
}

/* What the reader does not take stays with the transport, whose window then stops the other end. */
static size_t received(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished, void *user)
{
	struct fetch *fetch = user;
	ssize_t written = size ? write(RECORDS_FD, data, size) : 0;

	if (written < 0 && errno != EAGAIN && errno != EINTR) {
		fetch->reader_gone = true;
		leave(fetch, stream);
		return size;
	}
	if (written < 0)
		written = 0;
	if ((size_t)written < size) {
		fetch->stream = stream;
		if (stoq_alarm_set(
			    fetch->transport, 0, stoq_now_ns() + RETRY_NS, retry, fetch, NULL))
			leave(fetch, stream);
	} else if (finished) {
		fetch->finished = true;
		leave(fetch, stream);
	}
	return (size_t)written;
}

static void stream_closed(struct stoq_stream *stream, uint64_t code, void *user)
{
	struct fetch *fetch = user;

	if (fetch->stream == stream)
		fetch->stream = NULL;
}

static void closed(struct stoq_connection *connection, void *user)
{
	struct fetch *fetch = user;

	if (!fetch->finished && !fetch->reader_gone)
		tool_notice("the connection to %s ended: %s", fetch->options->host,
			stoq_connection_close_info(connection)->reason);
	stoq_transport_stop(fetch->transport);
}

static int start(struct fetch *fetch, struct stoq_error *error)
{
	struct stoq_transport_config config;
	int result;

	records_configure(&config, fetch->options);
	config.user = fetch;
	config.callbacks.received = received;
	config.callbacks.stream_closed = stream_closed;
	config.callbacks.closed = closed;
	result = stoq_transport_create(&config, &fetch->transport, error);
	return result ? result : stoq_drop_privileges(0, error);
}

static int connect_to_node(struct fetch *fetch, struct stoq_error *error)
{
	const struct records_options *options = fetch->options;
	struct sockaddr_storage address;
	const struct stoq_connect_config config = {.remote = (const struct sockaddr *)&address,
		.remote_length = sizeof(address),
		.name = options->name,
		.user = fetch};
	struct stoq_connection *connection;
	int result = stoq_resolve(options->host, options->port, &address, 1, error);

	if (result < 0)
		return result;
	return stoq_transport_connect(
		fetch->transport, 0, &config, stoq_now_ns(), &connection, error);
}

int records_fetch(int argc, char **argv)
{
	static struct records_options options;
	struct fetch fetch = {.options = &options};
	struct stoq_error error;
	int status, result;

	if (records_options_parse(&options, argc, argv, &status))
		return status;
	fcntl(RECORDS_FD, F_SETFL, fcntl(RECORDS_FD, F_GETFL) | O_NONBLOCK);
	result = start(&fetch, &error);
	if (!result)
		result = connect_to_node(&fetch, &error);
	if (!result)
		result = stoq_transport_run(fetch.transport, &error);
	stoq_transport_destroy(fetch.transport);
	if (result)
		return tool_fail(&error);
	return fetch.finished || fetch.reader_gone ? EXIT_SUCCESS : EXIT_FAILURE;
}
