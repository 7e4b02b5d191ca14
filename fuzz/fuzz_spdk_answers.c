// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whatever answers on the socket where SPDK should be: a target is configured, or there is an error
 * that says why not. Each piece of the input answers one request.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "pieces.h"
#include "require.h"
#include "target/spdk_configure.h"

#define ANSWER_MAX 65536

enum kind {
	RESULT, /* the bytes are the result */
	REFUSAL,
	RAW, /* the bytes as they are */
	KINDS,
};

/* ---- the socket ---- */

static struct {
	struct pieces input;
	unsigned int requests;
	char answer[ANSWER_MAX + 64];
	size_t size, given;
} spdk;

static void answer(void)
{
	static const char *const member[KINDS] = {"result", "error"};
	struct piece piece;

	spdk.requests++;
	spdk.size = spdk.given = 0;
	if (!next_piece(&spdk.input, ANSWER_MAX, &piece))
		return;
	if (piece.kind % KINDS == RAW) {
		memcpy(spdk.answer, piece.bytes, piece.size);
		spdk.size = piece.size;
	} else {
		spdk.size = (size_t)snprintf(spdk.answer, sizeof(spdk.answer),
			"{\"jsonrpc\":\"2.0\",\"id\":%u,\"%s\":%.*s}", spdk.requests,
			member[piece.kind % KINDS], (int)piece.size, (const char *)piece.bytes);
	}
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	fds->revents = fds->events;
	return 1;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	answer();
	return (ssize_t)size;
}

/* At most 1000 bytes at a time; at the end, as if the connection were closed. */
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
	size_t part = spdk.size - spdk.given;

	if (part > 1000)
		part = 1000;
	require(size >= part);
	memcpy(bytes, spdk.answer + spdk.given, part);
	spdk.given += part;
	return (ssize_t)part;
}

/* ---- what is asked for ---- */

/* One namespace of each kind that asks for different things. */
static void describe(struct stoq_target_config *config)
{
	static const char *const namespaces[] = {
		"malloc:1M", "nvme:0000:01:00.0", "nvme:0000:02:00.0"};

	stoq_target_config_init(config);
	config->kind = STOQ_TARGET_SPDK;
	config->namespace_count = 3;
	for (int i = 0; i < 3; i++)
		require(!stoq_target_parse_namespace(&config->namespaces[i], namespaces[i], NULL));
	config->fail_reads = 1;
	require(!stoq_target_parse_delay(config, "100us", NULL));
	require(!stoq_target_config_finish(config, NULL));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const struct stoq_target_paths paths = {.log = "/nonexistent/log"};
	struct stoq_target_state state = {.kind = STOQ_TARGET_SPDK};
	struct stoq_target_config config;
	struct stoq_error error = {0};
	struct stoq_jsonrpc *rpc;
	int status;

	memset(&spdk, 0, offsetof(typeof(spdk), answer));
	spdk.input = (struct pieces){data, data + size};
	describe(&config);
	require(!stoq_jsonrpc_open(&rpc, "/nonexistent/socket", 1000, &error));
	status = stoq_spdk_configure(rpc, &config, &paths, UINT64_MAX, &state, &error);
	require(!status || (error.code == status && error.text[0]));
	require(memchr(state.software, 0, sizeof(state.software)));
	stoq_jsonrpc_close(rpc);
	return 0;
}
