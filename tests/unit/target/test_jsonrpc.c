// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "target/jsonrpc.h"

#define TIMEOUT_MS 5000

/* A server that waits for one request and then sends a fixed reply in a given way. */
struct server {
	char folder[64], path[96];
	int listener;
	pthread_t thread;
	const char *reply;
	size_t piece_bytes;  /* sent at once; 0: all */
	size_t filler_bytes; /* of a never ending string, in place of the reply */
	bool stay_silent;
	char request[4096];
};

static void send_in_pieces(int fd, const struct server *server)
{
	size_t left = strlen(server->reply);
	const char *at = server->reply;

	while (left) {
		size_t piece = server->piece_bytes && server->piece_bytes < left
				       ? server->piece_bytes
				       : left;

		if (send(fd, at, piece, MSG_NOSIGNAL) < 0)
			return;
		at += piece;
		left -= piece;
		if (server->piece_bytes)
			usleep(500);
	}
}

static void send_filler(int fd, size_t bytes)
{
	char block[4096];

	memset(block, 'a', sizeof(block));
	if (send(fd, "{\"result\":\"", 11, MSG_NOSIGNAL) < 0)
		return;
	for (; bytes >= sizeof(block); bytes -= sizeof(block)) {
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
			return;
	}
}

static void *serve(void *context)
{
	struct server *server = context;
	int fd = accept(server->listener, NULL, NULL);
	char rest[64];
	ssize_t length = recv(fd, server->request, sizeof(server->request) - 1, 0);

	server->request[length > 0 ? length : 0] = '\0';
	if (server->filler_bytes)
		send_filler(fd, server->filler_bytes);
	else if (!server->stay_silent)
		send_in_pieces(fd, server);
	/* Until the client has seen enough, unless the end of the stream is the reply. */
	if (server->stay_silent || *server->reply)
		while (recv(fd, rest, sizeof(rest), 0) > 0)
			;
	close(fd);
	return NULL;
}

static void start_server(struct server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(server->folder, sizeof(server->folder), "/tmp/stoq-jsonrpc-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->path, sizeof(server->path), "%s/rpc.sock", server->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 1), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void end_server(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->listener);
	unlink(server->path);
	rmdir(server->folder);
}

/* One call to such a server; the result, if any, as text. */
static int call(struct server *server, struct json_object *params, unsigned int timeout_ms,
	char *result_text, struct stoq_error *error)
{
	struct json_object *result = NULL;
	struct stoq_jsonrpc *rpc;
	int ret, again;

	if (!server->reply)
		server->reply = "";
	start_server(server);
	assert_int_equal(stoq_jsonrpc_open(&rpc, server->path, 1000, error), 0);
	ret = stoq_jsonrpc_call(rpc, "method_name", params, timeout_ms, &result, error);
	if (!ret)
		snprintf(result_text, 256, "%s",
			json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
	json_object_put(result);
	if (ret && ret != -EREMOTEIO) {
		again = stoq_jsonrpc_call(rpc, "again", NULL, timeout_ms, NULL, NULL);
		assert_int_equal(again, -EPIPE);
	}
	stoq_jsonrpc_close(rpc);
	end_server(server);
	return ret;
}

/* A process that hangs, or is stopped: its queue of connections is full. */
static void a_listener_that_accepts_nothing_is_not_waited_for(void **state)
{
	char folder[] = "/tmp/stoq-jsonrpc-XXXXXX", path[64];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), waiting[8];
	struct stoq_jsonrpc *rpc;
	struct stoq_error error;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/rpc.sock", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < 8; i++) {
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(waiting[i], (struct sockaddr *)&address, sizeof(address));
	}
	assert_int_equal(stoq_jsonrpc_open(&rpc, path, 50, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "accepts no connection"));
	for (size_t i = 0; i < 8; i++)
		close(waiting[i]);
	close(listener);
	unlink(path);
	rmdir(folder);
}

static void a_result_arrives(void **state)
{
	struct server server = {.reply = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[\"ns1\"]}\n"};
	struct json_object *params = json_object_new_object();
	struct stoq_error error;
	char text[256];

	json_object_object_add(params, "name", json_object_new_string("ns1"));
	assert_int_equal(call(&server, params, TIMEOUT_MS, text, &error), 0);
	assert_string_equal(text, "[\"ns1\"]");
	assert_string_equal(server.request,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"method_name\","
		"\"params\":{\"name\":\"ns1\"}}");
}

static void a_reply_may_come_byte_by_byte(void **state)
{
	struct server server = {
		.reply = "{\"id\":1,\"result\":{\"a\":[1,2,{\"b\":\"}\\\"\"}]}}", .piece_bytes = 1};
	struct stoq_error error;
	char text[256];

	assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), 0);
	assert_string_equal(text, "{\"a\":[1,2,{\"b\":\"}\\\"\"}]}");
	assert_null(strstr(server.request, "params"));
}

static void the_servers_own_words_are_kept(void **state)
{
	struct server server = {.reply = "{\"id\":1,\"error\":{\"code\":-32602,"
					 "\"message\":\"Invalid parameters\"}}"};
	struct stoq_error error;
	char text[256];

	assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), -EREMOTEIO);
	assert_string_equal(error.text, "method_name failed: Invalid parameters (code -32602)");
}

static void errors_without_a_message_are_errors(void **state)
{
	const char *const replies[] = {"{\"id\":1,\"error\":{}}", "{\"id\":1,\"error\":7}",
		"{\"id\":1,\"error\":{\"message\":null}}"};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct server server = {.reply = replies[i]};
		struct stoq_error error;
		char text[256];

		assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), -EREMOTEIO);
	}
}

static void what_is_no_answer_is_refused(void **state)
{
	const char *const replies[] = {"garbage", "[]", "7 ", "null ", "{}", "{\"id\":1}",
		"{\"id\":2,\"result\":true}", "{\"id\":\"1\",\"result\":true}", "{\"result\":true}",
		"{\"id\":1,\"result\":true}{\"id\":1,\"result\":true}", "{\"id\":1,\"result\":}",
		"\x01\x02\x03\xff"};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct server server = {.reply = replies[i]};
		struct stoq_error error;
		char text[256];

		assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), -EPROTO);
		assert_non_null(strstr(error.text, "method_name"));
	}
}

static void nesting_is_bounded(void **state)
{
	struct stoq_error error;
	char text[256], deep[2048];
	struct server server = {.reply = deep};

	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), -EPROTO);
}

static void a_reply_has_a_greatest_length(void **state)
{
	struct server server = {
		.filler_bytes = STOQ_JSONRPC_REPLY_MAX + 65536u, .stay_silent = true};
	struct stoq_error error;
	char text[256];

	/* On a busy machine so much takes its time. */
	assert_int_equal(call(&server, NULL, 60 * TIMEOUT_MS, text, &error), -EMSGSIZE);
}

static void silence_ends_in_a_timeout(void **state)
{
	struct server silent = {.stay_silent = true};
	struct server halfway = {.reply = "{\"id\":1,\"resu"};
	struct stoq_error error;
	char text[256];

	assert_int_equal(call(&silent, NULL, 50, text, &error), -ETIMEDOUT);
	assert_int_equal(call(&halfway, NULL, 50, text, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "no reply in time"));
}

static void the_end_of_the_stream_is_noticed(void **state)
{
	struct server server = {.reply = ""};
	struct stoq_error error;
	char text[256];

	assert_int_equal(call(&server, NULL, TIMEOUT_MS, text, &error), -ECONNRESET);
}

static void nobody_listens(void **state)
{
	struct stoq_jsonrpc *rpc;
	struct stoq_error error;
	char longest[256];

	assert_int_equal(stoq_jsonrpc_open(&rpc, "/nonexistent/rpc.sock", 1000, &error), -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(stoq_jsonrpc_open(&rpc, longest, 1000, &error), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_that_accepts_nothing_is_not_waited_for),
		cmocka_unit_test(a_result_arrives),
		cmocka_unit_test(a_reply_may_come_byte_by_byte),
		cmocka_unit_test(the_servers_own_words_are_kept),
		cmocka_unit_test(errors_without_a_message_are_errors),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_reply_has_a_greatest_length),
		cmocka_unit_test(silence_ends_in_a_timeout),
		cmocka_unit_test(the_end_of_the_stream_is_noticed),
		cmocka_unit_test(nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
