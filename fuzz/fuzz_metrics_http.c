// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whatever somebody on this machine sends to where metrics are served: an answer of HTTP, or the
 * end of the connection.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <stoq/metrics.h>

#include "require.h"
#include "tests/unit/transport/rig.h"

static uint16_t port;

/* One that serves as long as the process lives. */
static void start(void)
{
	static struct rig rig;
	struct stoq_metrics_endpoint *endpoint;

	rig_prepare(&rig, 1);
	rig_start(&rig);
	require(!stoq_metrics_endpoint_open(rig.server.transport, 0, &endpoint, NULL));
	port = stoq_metrics_endpoint_port(endpoint);
}

/* What is answered to that, with a zero behind it. */
static void ask(const uint8_t *bytes, size_t size, char *answer, size_t capacity)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* An unfinished request has no answer before its deadline. */
	const struct timeval patience = {.tv_usec = 10000};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t got = 0;
	ssize_t part;

	require(fd >= 0);
	require(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	require(!connect(fd, (const struct sockaddr *)&address, sizeof(address)));
	if (send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size) {
		shutdown(fd, SHUT_WR);
		while (got < capacity - 1 &&
			(part = recv(fd, answer + got, capacity - 1 - got, 0)) > 0)
			got += (size_t)part;
	}
	answer[got] = '\0';
	close(fd);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static char answer[1 << 16];

	if (!port)
		start();
	ask(data, size, answer, sizeof(answer));
	require(!answer[0] || strncmp(answer, "HTTP/1.", 7) == 0);
	return 0;
}
