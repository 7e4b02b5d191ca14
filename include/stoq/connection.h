/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Connections. Part of <stoq/transport.h>. */
#include <stoq/error.h>
#include <stoq/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Looks up the addresses of a host ("db1.example", "192.0.2.1", "fe80::1%eth0"), each with the port: those
 * that the system would try first come first. Waits for the name service, if it is no address: not
 * for a worker's thread. How many there are, at most max; or -ENOENT: no such host; -EAGAIN: the
 * name service does not answer now; -EINVAL; ... From any thread.
 */
STOQ_API int stoq_resolve(const char *host, uint16_t port, struct sockaddr_storage *addresses,
	size_t max, struct stoq_error *error);

struct stoq_connect_config {
	const struct sockaddr *remote;
	socklen_t remote_length; /* that of a struct sockaddr_storage will do */
	/*
	 * The name that the peer's certificate must have: a DNS name, an IPv4 or IPv6 address, or a
	 * URI such as an NQN; no wildcard. Needed unless tls.insecure. A DNS name also goes out as
	 * TLS's server_name, which all who watch the network can read; the others do not (RFC
	 * 6066).
	 */
	const char *name;

	/* From callback session(): resume that connection; NULL: a full handshake. */
	const uint8_t *session;
	size_t session_bytes;
	/* Let streams be written before the handshake is over, if the session allows it:
	 * replayable! */
	bool early_data;

	void *user; /* stoq_connection_user() */

	/*
	 * Our address to begin from; NULL: the one that the kernel's routes give. Its port is the
	 * worker's, whatever it has.
	 */
	const struct sockaddr *local;
	socklen_t local_length;
};

/*
 * Begins to connect; callback connected() or closed() follows. In the worker's thread only.
 * -EAGAIN: max_connections are open, or max_memory_bytes in use; -EINVAL: there is no such worker;
 * an address is not that of one host, or the remote one is link-local without an interface, or has port 0, or they are of two families; no
 * certificate can have the name; the session is damaged or of another version (connect without); -ESHUTDOWN: after
 * stoq_transport_stop(); -ENETUNREACH and its kin.
 */
STOQ_API int stoq_transport_connect(struct stoq_transport *transport, unsigned int worker,
	const struct stoq_connect_config *config, uint64_t now_ns,
	struct stoq_connection **connection, struct stoq_error *error);

/*
 * A number that no other connection of the transport has, not even later: what other threads keep
 * instead of the pointer, which may be invalid at any moment for them. Never 0.
 */
STOQ_API uint64_t stoq_connection_id(const struct stoq_connection *connection);

/* The connection, until closed() has returned; else NULL. In its worker's thread only. */
STOQ_API struct stoq_connection *stoq_connection_find(
	struct stoq_transport *transport, uint64_t id);

/*
 * Runs call(connection, argument) in the thread of the connection's worker, soon; connection is
 * NULL if it is gone by then. From any thread. -EINVAL: no connection of this transport can have
 * that id; -EAGAIN: the worker's queue is full; -ESHUTDOWN: see stoq_transport_post(); -ENOMEM.
 */
STOQ_API int stoq_connection_post(struct stoq_transport *transport, uint64_t id,
	void (*call)(struct stoq_connection *connection, void *argument), void *argument);

/* The user of the connection's configuration, or what stoq_connection_set_user() has set. */
STOQ_API void *stoq_connection_user(const struct stoq_connection *connection);

/* Ties a pointer of the caller's to the connection. */
STOQ_API void stoq_connection_set_user(struct stoq_connection *connection, void *user);

/* The transport that the connection belongs to. */
STOQ_API struct stoq_transport *stoq_connection_transport(const struct stoq_connection *connection);

/* The worker that the connection belongs to. */
STOQ_API unsigned int stoq_connection_worker(const struct stoq_connection *connection);

/*
 * Closes a connection at once: tells the peer the application's code and the reason (at most 255 bytes go out) and
 * closes. Unacknowledged data are lost. closed() comes from the next stoq_transport_process().
 */
STOQ_API void stoq_connection_close(
	struct stoq_connection *connection, uint64_t code, const char *reason);

/*
 * Closes a connection gracefully: no new streams; closes (code 0) once what was written is acknowledged and all streams
 * are over.
 */
STOQ_API void stoq_connection_shutdown(struct stoq_connection *connection);

/* Says how a connection ended. In closed(), and whenever it is no longer open. */
STOQ_API const struct stoq_close_info *stoq_connection_close_info(
	const struct stoq_connection *connection);

struct stoq_connection_info {
	uint64_t id;
	bool established; /* the handshake is over */
	bool confirmed;	  /* as callback confirmed() says */
	bool resumed;
	bool early_data_accepted;
	bool server;	     /* we accepted it */
	char peer_name[256]; /* the name by which it was authorised; "" with insecure */
	char cipher[32];     /* "AES-128-GCM" */
	struct sockaddr_storage remote;
	struct sockaddr_storage local;
	uint64_t min_rtt_ns;
	uint64_t smoothed_rtt_ns;
	uint64_t latest_rtt_ns;
	uint64_t congestion_window_bytes;
	uint64_t bytes_in_flight;
	uint32_t max_udp_payload_bytes; /* that the path takes, as known by now */
	uint64_t key_updates;
	uint32_t streams;  /* open now */
	char alpn[256];	   /* of those in stoq_transport_config, once it is established */
	uint64_t heard_ns; /* the last packet came; 0: none yet */
	uint64_t receive_credit_bytes; /* that the peer may send now, on all streams together */
};

/* Gets what is known of a connection. At any time; in closed(), as it was at the end. */
STOQ_API void stoq_connection_info(
	const struct stoq_connection *connection, struct stoq_connection_info *info);

/*
 * Gets a certificate of the peer, DER: index 0 is its own, the next ones are those that it sent to prove
 * it. From accepted() or connected() to closed(); the bytes stay where they are until then.
 * -ENOENT: there are not so many; -ENOTCONN.
 */
STOQ_API int stoq_connection_certificate(const struct stoq_connection *connection,
	unsigned int index, const uint8_t **der, size_t *size);

enum stoq_name_kind { STOQ_NAME_DNS, STOQ_NAME_ADDRESS, STOQ_NAME_URI };

struct stoq_peer_name {
	enum stoq_name_kind kind;
	char text[256];
};

/*
 * Gets the names that the peer's certificate has, in its order; peer_name of the info is that which it
 * was authorised by. At the same times. How many it has (at most 32; others are left out), of which
 * max are stored; or -ENOENT: it showed no certificate; -ENOTCONN; -EBADMSG; -ENOMEM.
 */
STOQ_API int stoq_connection_names(
	const struct stoq_connection *connection, struct stoq_peer_name *names, size_t max);

/*
 * Sends a datagram, of which it takes a copy, once; it is never repeated. One that the path turns out not to take any more is
 * settled as lost. id: for datagram_settled(), may be NULL.
 * -EAGAIN: the queue is full, or max_memory_bytes in use; -EMSGSIZE: larger than peer and path
 * take; -ENOTSUP: the peer wants none; -ENOTCONN.
 */
STOQ_API int stoq_connection_send_datagram(
	struct stoq_connection *connection, const void *data, size_t size, uint64_t *id);

/*
 * The largest that stoq_connection_send_datagram() takes now; 0: the peer wants none. It grows
 * after the first datagram, or after more was written than a packet takes.
 */
STOQ_API size_t stoq_connection_max_datagram(const struct stoq_connection *connection);

/*
 * Takes new packet keys (RFC 9001, section 6). Called in a callback it may happen when that has returned,
 * as soon as it is allowed. -EAGAIN: the handshake is not confirmed, or it is too soon after the
 * last time; -ENOTCONN.
 */
STOQ_API int stoq_connection_update_keys(struct stoq_connection *connection);

/*
 * Has a connecting side go on from another address of ours; its port is the worker's, whatever local
 * says. The connection stays where it is until the new path has proven to work (`migrations` of the
 * metrics counts that), and for good if it does not. Called in a callback it may begin when that
 * has returned. -EAGAIN: the handshake is not confirmed, or the peer has given no spare connection
 * ID yet; -ENOTSUP: the peer allows no migration; -EALREADY: it is the address in use;
 * -EAFNOSUPPORT: not of the remote address's family; -EINVAL: an accepted connection, or not the
 * address of one host; -ENOTCONN.
 */
STOQ_API int stoq_connection_migrate(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length);

/*
 * The same at once, before the new path has proven anything: for a connection whose path is silent. A peer that
 * has used up its congestion window there answers no challenge elsewhere (ngtcp2, conn_cwnd_is_zero()), but it follows a
 * packet with data from another address (RFC 9000, 9.3). Takes a spare connection ID each time: a handful until the
 * peer is heard again.
 */
STOQ_API int stoq_connection_move(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length);

#ifdef __cplusplus
}
#endif
