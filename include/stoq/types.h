/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the headers of the transport share: constants, handles, and how a connection ended. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STOQ_DEFAULT_PORT 9292
#define STOQ_ALPN	  "stoq/1"   /* unless the application has a name of its own */
#define STOQ_NEVER	  UINT64_MAX /* of a time: never */

struct stoq_transport;
struct stoq_connection;
struct stoq_stream;

enum stoq_log_level { STOQ_LOG_WARNING, STOQ_LOG_INFO, STOQ_LOG_DEBUG };

enum stoq_close_origin {
	STOQ_CLOSE_APPLICATION,	     /* we called stoq_connection_close() or _shutdown() */
	STOQ_CLOSE_PEER_APPLICATION, /* the peer's application did; code is its */
	STOQ_CLOSE_TRANSPORT,	   /* we found the peer at fault, TLS included; code of RFC 9000 */
	STOQ_CLOSE_PEER_TRANSPORT, /* the peer found us at fault */
	STOQ_CLOSE_IDLE,	   /* nothing heard for the idle timeout */
	STOQ_CLOSE_HANDSHAKE_TIMEOUT,
	STOQ_CLOSE_STATELESS_RESET, /* the peer has lost the connection's state */
	STOQ_CLOSE_VERSION,	    /* the peer does not speak QUIC version 1 */
	STOQ_CLOSE_LOCAL, /* we ran out of memory or the like, or the transport was destroyed */
};

struct stoq_close_info {
	enum stoq_close_origin origin;
	uint64_t code;	  /* as the origin says, 0 where it has none */
	char reason[320]; /* a sentence for people */
};

/*
 * A handshake of a listening transport that came to nothing: a certificate was refused, the peer
 * refused ours or fell silent, a limit was reached. Strangers can cause as many as they like, so
 * what is done about one has to be cheap. All of it is valid during the call.
 */
struct stoq_refusal {
	struct stoq_transport *transport;
	unsigned int worker;
	struct sockaddr_storage remote;
	bool address_proven; /* false: the packet may have come from anywhere */
	const struct stoq_close_info *close;
	const uint8_t *certificate; /* that the peer showed, DER; NULL: none. Not to be trusted. */
	size_t certificate_bytes;
};

#ifdef __cplusplus
}
#endif
