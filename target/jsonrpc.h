/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A JSON-RPC 2.0 client over a Unix stream socket, for SPDK: one request at a time, each
 * with a timeout, replies of at most STOQ_JSONRPC_REPLY_MAX bytes. nvmf_subsystem_get_qpairs needs
 * about 350 bytes for each connection, so that is room for ninety thousand.
 */
#include "base/error.h"

#define STOQ_JSONRPC_REPLY_MAX (1u << 25)

struct json_object;
struct stoq_jsonrpc;

/*
 * Connects. -ENOENT and -ECONNREFUSED: nobody listens (yet). -ETIMEDOUT: the listener's queue of
 * connections stays full: it does not accept any.
 */
int stoq_jsonrpc_open(struct stoq_jsonrpc **rpc, const char *socket_path, unsigned int timeout_ms,
	struct stoq_error *error);

/*
 * Calls method with params (NULL: none; the reference is taken over in every case) and
 * stores the result (NULL if not wanted; else the caller's to json_object_put).
 *
 * Errors: -EREMOTEIO: the server refused, the text holds its own message; -ETIMEDOUT;
 * -ECONNRESET: it closed the connection; -EPROTO: the reply is not JSON-RPC; -EMSGSIZE.
 * After any but -EREMOTEIO the connection is of no more use: further calls give -EPIPE.
 */
int stoq_jsonrpc_call(struct stoq_jsonrpc *rpc, const char *method, struct json_object *params,
	unsigned int timeout_ms, struct json_object **result, struct stoq_error *error);

/* NULL is fine. */
void stoq_jsonrpc_close(struct stoq_jsonrpc *rpc);
