// SPDX-License-Identifier: BSD-2-Clause
#include "target/jsonrpc.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "target/clock.h"

#define REPLY_DEPTH_MAX 32

struct stoq_jsonrpc {
	int fd;
	int32_t id; /* of the latest request */
	bool broken;
};

/* A Unix socket whose listener's queue is full answers EAGAIN, not EINPROGRESS: unix(7). */
static int connect_until(int fd, const struct sockaddr_un *address, uint64_t deadline_ns)
{
	static const struct timespec turn = {.tv_nsec = 10 * 1000 * 1000};

	while (connect(fd, (const struct sockaddr *)address, sizeof(*address))) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (stoq_clock_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&turn, NULL);
	}
	return 0;
}

int stoq_jsonrpc_open(struct stoq_jsonrpc **rpc, const char *socket_path, unsigned int timeout_ms,
	struct stoq_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stoq_jsonrpc *self;
	int ret;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return stoq_error_set(error, -ENAMETOOLONG,
			"the socket path %s is longer than %zu bytes", socket_path,
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	self = calloc(1, sizeof(*self));
	if (!self)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = self->fd < 0 ? -errno
			   : connect_until(self->fd, &address, stoq_clock_deadline_ns(timeout_ms));
	if (!ret) {
		*rpc = self;
		return 0;
	}
	stoq_jsonrpc_close(self);
	return stoq_error_set(error, ret, "cannot connect to %s: %s", socket_path,
		ret == -ETIMEDOUT ? "the process that listens there accepts no connection"
				  : strerror(-ret));
}

void stoq_jsonrpc_close(struct stoq_jsonrpc *rpc)
{
	if (!rpc)
		return;
	if (rpc->fd >= 0)
		close(rpc->fd);
	free(rpc);
}

static int send_all(int fd, const char *text, size_t length, uint64_t deadline_ns)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (sent >= 0) {
			text += sent;
			length -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
		ret = stoq_clock_poll(fd, POLLOUT, deadline_ns);
		if (ret)
			return ret;
	}
	return 0;
}

/* True if nothing but blanks is left: only one request was under way. */
static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	}
	return true;
}

/* Feeds the tokener with what arrives until a whole value is there. */
static int receive_value(
	int fd, struct json_tokener *tokener, uint64_t deadline_ns, struct json_object **value)
{
	size_t total = 0;

	for (;;) {
		char chunk[8192];
		ssize_t length;
		int ret = stoq_clock_poll(fd, POLLIN, deadline_ns);

		if (ret)
			return ret;
		length = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (length <= 0)
			return length == 0 ? -ECONNRESET : -errno;
		total += (size_t)length;
		if (total > STOQ_JSONRPC_REPLY_MAX)
			return -EMSGSIZE;
		*value = json_tokener_parse_ex(tokener, chunk, (int)length);
		if (*value) {
			size_t used = json_tokener_get_parse_end(tokener);

			return is_blank(chunk + used, (size_t)length - used) ? 0 : -EPROTO;
		}
		if (json_tokener_get_error(tokener) != json_tokener_continue)
			return -EPROTO;
	}
}

static int receive_reply(int fd, uint64_t deadline_ns, struct json_object **reply)
{
	struct json_tokener *tokener = json_tokener_new_ex(REPLY_DEPTH_MAX);
	int ret;

	*reply = NULL;
	if (!tokener)
		return -ENOMEM;
	ret = receive_value(fd, tokener, deadline_ns, reply);
	json_tokener_free(tokener);
	if (!ret && !json_object_is_type(*reply, json_type_object))
		ret = -EPROTO;
	return ret;
}

static struct json_object *make_request(int32_t id, const char *method, struct json_object *params)
{
	struct json_object *request = json_object_new_object();

	if (!request) {
		json_object_put(params);
		return NULL;
	}
	json_object_object_add(request, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(request, "id", json_object_new_int(id));
	json_object_object_add(request, "method", json_object_new_string(method));
	if (params)
		json_object_object_add(request, "params", params);
	return request;
}

static int exchange(struct stoq_jsonrpc *rpc, struct json_object *request, unsigned int timeout_ms,
	struct json_object **reply)
{
	uint64_t deadline_ns = stoq_clock_deadline_ns(timeout_ms);
	const char *text;
	size_t length;
	int ret;

	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &length);
	if (!text)
		return -ENOMEM;
	ret = send_all(rpc->fd, text, length, deadline_ns);
	return ret ? ret : receive_reply(rpc->fd, deadline_ns, reply);
}

/* The server's error object as one sentence. */
static int refusal(
	const char *method, const struct json_object *server_error, struct stoq_error *error)
{
	struct json_object *message = NULL, *code = NULL;

	json_object_object_get_ex(server_error, "message", &message);
	json_object_object_get_ex(server_error, "code", &code);
	return stoq_error_set(error, -EREMOTEIO, "%s failed: %.300s (code %d)", method,
		message ? json_object_get_string(message) : "no message",
		code ? json_object_get_int(code) : 0);
}

/* Takes the result out of a reply, which must answer the latest request. */
static int open_reply(struct stoq_jsonrpc *rpc, const char *method, struct json_object *reply,
	struct json_object **result, struct stoq_error *error)
{
	struct json_object *id = NULL, *value = NULL;

	if (json_object_object_get_ex(reply, "error", &value) && value)
		return refusal(method, value, error);
	if (!json_object_object_get_ex(reply, "id", &id) ||
		!json_object_is_type(id, json_type_int) || json_object_get_int(id) != rpc->id ||
		!json_object_object_get_ex(reply, "result", &value)) {
		rpc->broken = true;
		return stoq_error_set(
			error, -EPROTO, "%s: the reply is not the answer to the request", method);
	}
	if (result)
		*result = json_object_get(value);
	return 0;
}

static const char *describe(int code)
{
	switch (code) {
	case -ETIMEDOUT:
		return "no reply in time";
	case -ECONNRESET:
		return "the server closed the connection";
	case -EPROTO:
		return "the reply is not JSON-RPC";
	case -EMSGSIZE:
		return "the reply is longer than 32 MiB";
	default:
		return strerror(-code);
	}
}

int stoq_jsonrpc_call(struct stoq_jsonrpc *rpc, const char *method, struct json_object *params,
	unsigned int timeout_ms, struct json_object **result, struct stoq_error *error)
{
	struct json_object *request = make_request(++rpc->id, method, params);
	struct json_object *reply = NULL;
	int ret;

	if (rpc->broken)
		ret = -EPIPE;
	else
		ret = request ? exchange(rpc, request, timeout_ms, &reply) : -ENOMEM;
	json_object_put(request);
	if (ret) {
		rpc->broken = true;
		stoq_error_set(error, ret, "%s: %s", method, describe(ret));
	} else {
		ret = open_reply(rpc, method, reply, result, error);
	}
	json_object_put(reply);
	return ret;
}
