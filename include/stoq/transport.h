/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * STOQ's transport: QUIC version 1 (RFC 9000, 9001, 9002, 9221) with TLS 1.3, mutual by default.
 *
 * A transport holds one UDP port; it listens, connects, or both. It has one or more workers. A
 * connection and its streams belong to the worker that made it, for good: all their callbacks
 * come from the thread that runs that worker, and their functions may only be called there (in a
 * callback, between two calls of stoq_transport_process(), or in what stoq_transport_post()
 * runs). Functions of struct stoq_transport may be called from any thread unless they say else.
 *
 * Nothing here waits, except stoq_transport_run() and stoq_resolve(). Times are nanoseconds of
 * CLOCK_MONOTONIC. Functions return 0 or a negative errno unless they say else. What is given by
 * pointer is copied unless the function says that it keeps it. See doc/transport.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <stoq/ebpf.h>
#include <stoq/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STOQ_DEFAULT_PORT 9292
#define STOQ_ALPN	  "stoq/1"   /* unless the application has a name of its own */
#define STOQ_NEVER	  UINT64_MAX /* of a time: never */

struct stoq_transport;
struct stoq_connection;
struct stoq_stream;

/* ---- configuration ---- */

enum stoq_congestion_control { STOQ_CUBIC, STOQ_BBR, STOQ_RENO };

enum stoq_retry_mode {
	STOQ_RETRY_UNDER_LOAD, /* from retry_half_open unfinished handshakes on */
	STOQ_RETRY_ALWAYS,
	STOQ_RETRY_NEVER,
};

enum stoq_log_level { STOQ_LOG_WARNING, STOQ_LOG_INFO, STOQ_LOG_DEBUG };

/* PEM text. The transport has a copy, and wipes it in the end. */
struct stoq_pem {
	const void *data; /* NULL: none */
	size_t size;	  /* at most 1 MiB */
};

/*
 * Who we are and whom we trust; PEM files. They are read by stoq_transport_create() and again by
 * stoq_transport_reload_certificates().
 */
struct stoq_tls_config {
	const char *ca_file;	      /* certificates of the authorities that sign peers */
	const char *certificate_file; /* ours, followed by intermediate ones */
	const char *key_file;	      /* its private key */
	const char *crl_file;	      /* revoked certificates; NULL: none */

	/*
	 * The same from memory; -EINVAL if there is a file as well. stoq_transport_update() with
	 * other text is to these what reloading is to files: new handshakes use it.
	 */
	struct stoq_pem ca, certificate, key, crl;

	/*
	 * The names of peers that may talk to us: "host.example", an IP address, a URI, "*.example"
	 * (one label), "*" (all that the authorities signed). A peer's names are those of its
	 * certificate's subject alternative name. A listening transport needs at least one. On
	 * connecting, the peer must also have the name that was asked for.
	 */
	const char *const *peer_names;
	size_t peer_name_count;

	/* Neither ask for nor check a peer's certificate. Every start logs a warning. */
	bool insecure;

	const char *keylog_file; /* secrets for a protocol analyser, in SSLKEYLOGFILE's format */
};

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

/*
 * Called by the transport; all optional. They must not call stoq_transport_run(); from them,
 * stoq_transport_process() returns -EBUSY, and stoq_transport_destroy() does nothing but log a
 * warning. All else is allowed, closing what they are called for included.
 */
struct stoq_transport_callbacks {
	/* A peer connected and is authenticated. To refuse it: stoq_connection_close(). */
	void (*accepted)(struct stoq_connection *connection, void *user);

	/*
	 * A peer that wanted to connect did not get so far that accepted() was called; see struct
	 * stoq_refusal. user: the transport's.
	 */
	void (*refused)(const struct stoq_refusal *refusal, void *user);

	/* The connection that stoq_transport_connect() began is there. */
	void (*connected)(struct stoq_connection *connection, void *user);

	/*
	 * The handshake is confirmed (RFC 9001, section 4.1.2): both ends know that it is over;
	 * keys can be updated, and a connecting side can migrate. After accepted() or connected(),
	 * once.
	 */
	void (*confirmed)(struct stoq_connection *connection, void *user);

	/*
	 * The connection is over, or was never made: stoq_connection_close_info() says why, and
	 * stoq_connection_info() what it was. The last call for it; its streams got theirs before.
	 * The pointer is invalid from here on.
	 */
	void (*closed)(struct stoq_connection *connection, void *user);

	/* The peer opened a stream. Data follow by received(). */
	void (*stream_opened)(struct stoq_stream *stream, void *user);

	/*
	 * Bytes of a stream, in order; finished: none follow. Returns how many it took (0..size).
	 * What it leaves is kept, nothing more is offered until stoq_stream_resume(), and the peer,
	 * whose credit grows only by what was taken, has to wait. Resumed in here, what it leaves
	 * is offered again in the next round of the worker. It may come with size 0 for finished.
	 * Without this callback everything is discarded.
	 */
	size_t (*received)(struct stoq_stream *stream, const uint8_t *data, size_t size,
		bool finished, void *user);

	/* After a write that took less than it was given: there is room again. */
	void (*writable)(struct stoq_stream *stream, void *user);

	/* The peer abandons its direction of the stream; what was not taken yet is gone. */
	void (*stream_reset)(struct stoq_stream *stream, uint64_t code, void *user);

	/*
	 * The peer wants no more of our direction: it is reset, writes return -EPIPE. Noticed when
	 * there is something to send; the peer's code comes with stream_closed().
	 */
	void (*stream_stopped)(struct stoq_stream *stream, void *user);

	/*
	 * Both directions are over: everything was taken and acknowledged, reset, or the connection
	 * is closed. The last call for the stream. code: that of the reset, 0 if there was none.
	 */
	void (*stream_closed)(struct stoq_stream *stream, uint64_t code, void *user);

	/* After stoq_stream_open() returned -EAGAIN: the peer allows more. */
	void (*streams_available)(struct stoq_connection *connection, void *user);

	/*
	 * An unreliable datagram (RFC 9221); the bytes are valid during the call. Without this
	 * callback peers are told that we take none, and one that sends some is at fault:
	 * PROTOCOL_VIOLATION.
	 */
	void (*datagram)(
		struct stoq_connection *connection, const uint8_t *data, size_t size, void *user);

	/*
	 * What became of a datagram that stoq_connection_send_datagram() took under that id. That
	 * one is lost is found out when a later packet is acknowledged: without one this never
	 * comes.
	 */
	void (*datagram_settled)(
		struct stoq_connection *connection, uint64_t id, bool acknowledged, void *user);

	/*
	 * A connecting side: with these bytes (secret!) a later connection resumes this one, see
	 * struct stoq_connect_config.
	 */
	void (*session)(
		struct stoq_connection *connection, const uint8_t *data, size_t size, void *user);

	/* From any thread. text: one line. Without this callback nothing is logged. */
	void (*log)(enum stoq_log_level level, const char *text, void *user);
};

/* stoq_transport_config_init() sets everything to the defaults that stand in brackets. */
struct stoq_transport_config {
	/*
	 * IPv4 or IPv6 address to bind, without a port [NULL: "::1" if the system has IPv6,
	 * "127.0.0.1" else when listening, the wildcard when not]. "::" serves IPv4 too.
	 */
	const char *bind_address;
	/*
	 * [9292 when listening; 0 when not]. 0: the kernel chooses; stoq_transport_local_address()
	 * says which. -EADDRINUSE if another transport has it, whatever its number of workers.
	 */
	uint16_t port;
	bool listen;	      /* accept connections [false] */
	unsigned int workers; /* [1], at most 64 */
	/* stoq_transport_run(): look that long before sleeping [0], at most a second */
	unsigned int spin_us;
	unsigned int busy_poll_us;     /* SO_BUSY_POLL [0], at most a second */
	uint32_t socket_receive_bytes; /* [8 MiB], at most 1 GiB; 0: the system's default */
	uint32_t socket_send_bytes;    /* the same */

	/*
	 * eBPF, where it is built in. AF_XDP and the filter belong to one interface: the one that
	 * has bind_address, unless that is a wildcard; then it must be named. AUTO never fails for
	 * want of eBPF: stoq_transport_ebpf_status() says what it became.
	 */
	enum stoq_datapath_kind datapath; /* [STOQ_DATAPATH_AUTO] */
	const char *interface;		  /* [NULL] */
	bool xdp_filter; /* drop what is no QUIC of ours before the kernel sees it [false] */

	/* Limits; each worker has its share of those for all connections. */
	uint32_t max_connections;	     /* closing ones included [4096] */
	uint32_t max_half_open;		     /* accepted, handshake unfinished [1024] */
	uint32_t max_bidirectional_streams;  /* that a peer may have open [256] */
	uint32_t max_unidirectional_streams; /* [256] */
	uint64_t stream_window_bytes;	     /* credit a peer starts with on a stream [1 MiB] */
	uint64_t max_stream_window_bytes;    /* grows up to this as needed [16 MiB] */
	uint64_t window_bytes;		     /* the same for the whole connection [4 MiB] */
	uint64_t max_window_bytes;	     /* [32 MiB] */
	uint64_t send_buffer_bytes;	     /* unacknowledged bytes of a stream we hold [16 MiB] */
	/*
	 * All of this for all connections together, at least 256 KiB for each of max_connections,
	 * which is kept for them: what peers may send before it is taken, copies of what is written
	 * and not acknowledged, datagrams to be sent, and what connections take themselves, about
	 * 90 KiB and more when they are busy. When little is left, windows stay small or shrink and
	 * writes take less; when nothing is, new connections are refused [4 GiB].
	 */
	uint64_t max_memory_bytes;
	/*
	 * The largest datagram we accept [65000]; 0: none at all. What is counted is the frame, so
	 * from a peer that leaves out the length one may be up to 4 bytes larger.
	 */
	uint32_t max_datagram_bytes;
	uint32_t max_queued_datagrams; /* to be sent, per connection [64] */

	/*
	 * Timing. QUIC counts in milliseconds: each is 1 ms to 1 day. The shorter of both ends'
	 * idle timeouts counts, but never less than three probe timeouts (RFC 9000, 10.1).
	 */
	uint64_t handshake_timeout_ns; /* [10 s] */
	uint64_t idle_timeout_ns;      /* [30 s]; 0: none */
	uint64_t keep_alive_ns;	       /* ping after that much silence [0: never] */
	uint64_t initial_rtt_ns;       /* before there is a measurement [100 ms] */

	/* The network. */
	enum stoq_congestion_control congestion_control; /* [STOQ_CUBIC] */
	bool pacing;			/* spread packets over the round trip [true] */
	uint16_t max_udp_payload_bytes; /* sent: found by probing up to this [65000] */
	bool path_mtu_discovery;	/* false: max_udp_payload_bytes is used unprobed [true] */
	/*
	 * Let peers change their address [true]. false: they are told not to, and packets of a
	 * connection from elsewhere are dropped, as packets_dropped counts; so a peer whose NAT
	 * gives it another port is lost, and its connection ends with the idle timeout. What we do
	 * ourselves, stoq_connection_migrate(), is the peer's to allow.
	 */
	bool migration;

	/*
	 * What the application speaks (ALPN, RFC 7301): names of 1 to 255 bytes, at most 8, the
	 * preferred one first; a server decides [NULL: STOQ_ALPN]. Peers that have none in common,
	 * or offer none, refuse each other (RFC 9001, 8.1): error 0x178. With early_data there may
	 * be one name only, because early data are for the protocol of the connection before.
	 */
	const char *const *alpn;
	size_t alpn_count;

	/* Cryptography. */
	struct stoq_tls_config tls;
	/*
	 * New keys after that many packets [2^23 - 2^20, which is the most]. A key's limit is 2^23;
	 * an update may have to wait until the one before is acknowledged.
	 */
	uint64_t key_update_packets;
	bool resumption; /* issue and accept session tickets [true] */
	/*
	 * Accept and send data before the handshake is over. An attacker can replay such data: only
	 * for requests that may be executed twice, never for writes. Streams with such data open
	 * before accepted() is called [false].
	 */
	bool early_data;

	/*
	 * A transport that is started again on the port of one that crashed tells peers at once
	 * that their connections are gone (a stateless reset): if it makes the same tokens. They
	 * come from the certificate's private key and the bound address [NULL], so a new key is as
	 * good as another transport. Or from this file of at least 32 bytes, which is made (mode
	 * 0600) if it is not there, and must not be readable for others. Needed by transports that
	 * share a certificate and an address behind a load balancer: each has to have a file of its
	 * own.
	 */
	const char *reset_key_file;

	/* Against floods of forged first packets. */
	enum stoq_retry_mode retry;
	uint32_t retry_half_open; /* per worker [64] */

	/* One qlog file per connection [NULL: none]. The folder must be there, and writable. */
	const char *qlog_directory;

	struct stoq_transport_callbacks callbacks;
	void *user; /* handed to the callbacks of connections that have none of their own */
};

STOQ_API void stoq_transport_config_init(struct stoq_transport_config *config);

/* ---- the transport ---- */

/*
 * Checks the configuration, reads the certificates, opens the sockets.
 * -EINVAL: the configuration; -EADDRINUSE, -EACCES, ...: the socket; -ENOENT, -EBADMSG: files.
 */
STOQ_API int stoq_transport_create(const struct stoq_transport_config *config,
	struct stoq_transport **transport, struct stoq_error *error);

/*
 * Closes everything at once and frees it: callbacks closed() and stream_closed() come from here,
 * and peers are told (application error 0). What is not acknowledged is lost:
 * stoq_connection_shutdown() waits for that. No worker may be running. NULL is fine.
 *
 * A process that calls exit(), or returns from main(), also tells the peers of what it has not
 * destroyed, without a callback. Not those of a connection in whose callback it does so, and not if
 * it ends by a signal or _exit(): these find out by a stateless reset, if the port is used again,
 * or by the idle timeout.
 */
STOQ_API void stoq_transport_destroy(struct stoq_transport *transport);

/* The address worker 0 is bound to, with the real port. */
STOQ_API void stoq_transport_local_address(const struct stoq_transport *transport,
	struct sockaddr_storage *address, socklen_t *length);

/*
 * What can change while it runs, for connections made from then on: all but the address, the port,
 * listen, the sockets' options, the number of workers, alpn, the files, insecure, resumption, the
 * callbacks and user; early_data can only be turned off, and while it is on, what a peer may send
 * and open at first can only grow. keep_alive_ns and max_memory_bytes also apply to connections
 * that exist. -EINVAL with the reason if something else differs; then nothing has changed.
 */
STOQ_API int stoq_transport_update(struct stoq_transport *transport,
	const struct stoq_transport_config *config, struct stoq_error *error);

/*
 * New handshakes use what the files hold now. If they are bad, the old ones stay in use. Text from
 * memory is what it was.
 */
STOQ_API int stoq_transport_reload_certificates(
	struct stoq_transport *transport, struct stoq_error *error);

/*
 * Our event loop: runs worker 0 here and each other one in a thread of its own, until
 * stoq_transport_stop(). 0, or the errno that broke a worker.
 */
STOQ_API int stoq_transport_run(struct stoq_transport *transport, struct stoq_error *error);

/*
 * Ends stoq_transport_run(): no new connections, open ones are closed (application error 0) and
 * the peers are told. From any thread, and from a signal handler.
 */
STOQ_API void stoq_transport_stop(struct stoq_transport *transport);

/*
 * The caller's event loop, one per worker: wait until the descriptor is readable or the time has
 * come (or 0 is due at once), then process. Descriptor: an epoll instance, never read from it.
 * Without such a worker: -EINVAL, STOQ_NEVER, -EINVAL.
 */
STOQ_API int stoq_transport_descriptor(const struct stoq_transport *transport, unsigned int worker);
STOQ_API uint64_t stoq_transport_next_ns(const struct stoq_transport *transport,
	unsigned int worker); /* an absolute time, 0: now, STOQ_NEVER */
STOQ_API int stoq_transport_process(
	struct stoq_transport *transport, unsigned int worker, uint64_t now_ns);
/*
 * The same without looking for packets: when something was written, or a time has come, and the
 * descriptor is not readable. It saves a system call.
 */
STOQ_API int stoq_transport_flush(
	struct stoq_transport *transport, unsigned int worker, uint64_t now_ns);

/* The time that all of these take: nanoseconds of CLOCK_MONOTONIC. From any thread. */
STOQ_API uint64_t stoq_now_ns(void);

/*
 * Runs call(argument) in the worker's thread, soon. From any thread. -EAGAIN: its queue is full.
 * What is still queued when the transport is destroyed is run by stoq_transport_destroy(), in whose
 * callbacks nothing more can be posted: -ESHUTDOWN. -EINVAL: there is no such worker.
 */
STOQ_API int stoq_transport_post(struct stoq_transport *transport, unsigned int worker,
	void (*call)(void *argument), void *argument);

/* ---- timers, in a worker's thread, whose loop it is ---- */

struct stoq_alarm;

/*
 * call(argument) comes once, in the worker's thread, in the round that finds that it is at_ns or
 * later; one that is set for now or before, in the next round. *alarm is valid until then or until
 * it is cancelled; alarm may be NULL. What is left is dropped when the transport is destroyed. In
 * the worker's thread only, or while no worker runs. -EINVAL: there is no such worker, no call, or
 * STOQ_NEVER; -ESHUTDOWN: the transport is being destroyed; -ENOMEM.
 */
STOQ_API int stoq_alarm_set(struct stoq_transport *transport, unsigned int worker, uint64_t at_ns,
	void (*call)(void *argument), void *argument, struct stoq_alarm **alarm);

/* It will not come. NULL is fine. In the worker's thread only, or while no worker runs. */
STOQ_API void stoq_alarm_cancel(struct stoq_alarm *alarm);

/* ---- connections ---- */

/*
 * The addresses of a host ("db1.example", "192.0.2.1", "fe80::1%eth0"), each with the port: those
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
};

/*
 * Begins to connect; callback connected() or closed() follows. In the worker's thread only.
 * -EAGAIN: max_connections are open, or max_memory_bytes in use; -EINVAL: there is no such worker;
 * the remote address is not that of one host, or has port 0; no certificate can have the name; the
 * session is damaged or of another version (connect without); -ESHUTDOWN: after
 * stoq_transport_stop(); -ENETUNREACH and its kin.
 */
STOQ_API int stoq_transport_connect(struct stoq_transport *transport, unsigned int worker,
	const struct stoq_connect_config *config, uint64_t now_ns,
	struct stoq_connection **connection, struct stoq_error *error);

/*
 * What other threads keep instead of the pointer, which may be invalid at any moment for them: a
 * number that no other connection of the transport has, not even later. Never 0.
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

STOQ_API void *stoq_connection_user(const struct stoq_connection *connection);
STOQ_API void stoq_connection_set_user(struct stoq_connection *connection, void *user);
STOQ_API struct stoq_transport *stoq_connection_transport(const struct stoq_connection *connection);
STOQ_API unsigned int stoq_connection_worker(const struct stoq_connection *connection);

/*
 * Abort: tells the peer the application's code and the reason (at most 255 bytes go out) and
 * closes. Unacknowledged data are lost. closed() comes from the next stoq_transport_process().
 */
STOQ_API void stoq_connection_close(
	struct stoq_connection *connection, uint64_t code, const char *reason);

/*
 * Graceful: no new streams; closes (code 0) once what was written is acknowledged and all streams
 * are over.
 */
STOQ_API void stoq_connection_shutdown(struct stoq_connection *connection);

/* In closed(), and whenever the connection is no longer open. */
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
	uint32_t streams; /* open now */
	char alpn[256];	  /* of those in stoq_transport_config, once it is established */
};

/* At any time; in closed(), as it was at the end. */
STOQ_API void stoq_connection_info(
	const struct stoq_connection *connection, struct stoq_connection_info *info);

/*
 * A certificate of the peer, DER: index 0 is its own, the next ones are those that it sent to prove
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
 * The names that the peer's certificate has, in its order; peer_name of the info is that which it
 * was authorised by. At the same times. How many it has (at most 32; others are left out), of which
 * max are stored; or -ENOENT: it showed no certificate; -ENOTCONN; -EBADMSG; -ENOMEM.
 */
STOQ_API int stoq_connection_names(
	const struct stoq_connection *connection, struct stoq_peer_name *names, size_t max);

/*
 * Takes a copy; sent once, never repeated. One that the path turns out not to take any more is
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
 * New packet keys (RFC 9001, section 6). Called in a callback it may happen when that has returned,
 * as soon as it is allowed. -EAGAIN: the handshake is not confirmed, or it is too soon after the
 * last time; -ENOTCONN.
 */
STOQ_API int stoq_connection_update_keys(struct stoq_connection *connection);

/*
 * A connecting side: go on from another address of ours; its port is the worker's, whatever local
 * says. The connection stays where it is until the new path has proven to work (`migrations` of the
 * metrics counts that), and for good if it does not. Called in a callback it may begin when that
 * has returned. -EAGAIN: the handshake is not confirmed, or the peer has given no spare connection
 * ID yet; -ENOTSUP: the peer allows no migration; -EALREADY: it is the address in use;
 * -EAFNOSUPPORT: not of the remote address's family; -EINVAL: an accepted connection, or not the
 * address of one host; -ENOTCONN.
 */
STOQ_API int stoq_connection_migrate(
	struct stoq_connection *connection, const struct sockaddr *local, socklen_t length);

/* ---- streams ---- */

enum stoq_stream_kind { STOQ_BIDIRECTIONAL, STOQ_UNIDIRECTIONAL };

/*
 * -EAGAIN: the peer allows no more now, streams_available() will come; -ENOTCONN: closed, or not
 * established (and no early data); -ESHUTDOWN: after stoq_connection_shutdown().
 */
STOQ_API int stoq_stream_open(struct stoq_connection *connection, enum stoq_stream_kind kind,
	struct stoq_stream **stream);

STOQ_API int64_t stoq_stream_id(const struct stoq_stream *stream);
STOQ_API struct stoq_connection *stoq_stream_connection(const struct stoq_stream *stream);
STOQ_API void *stoq_stream_user(const struct stoq_stream *stream);
STOQ_API void stoq_stream_set_user(struct stoq_stream *stream, void *user);

#define STOQ_FINISH 1u /* flag: nothing follows */

/*
 * Copies as much as there is room for (send_buffer_bytes, max_memory_bytes) and returns that
 * (0..size); if it is less than size, writable() will come and STOQ_FINISH was not done. -EPIPE:
 * our direction is finished, reset or stopped, or not ours (a peer's unidirectional stream).
 */
STOQ_API ssize_t stoq_stream_write(
	struct stoq_stream *stream, const void *data, size_t size, unsigned int flags);

/*
 * The same without a copy: takes all (returns 0) or nothing (-EAGAIN: no room, writable() will
 * come). The bytes must stay as they are until release(argument), which comes once, when they are
 * acknowledged or the stream is over; also if the peer resets it. Not called on failure.
 */
STOQ_API int stoq_stream_write_owned(struct stoq_stream *stream, const void *data, size_t size,
	unsigned int flags, void (*release)(void *argument), void *argument);

/*
 * Which stream goes first when there is more to send than may be sent: 0 is first, 7 last, as in
 * RFC 9218. Streams of one urgency take turns; those behind wait as long as one before them can
 * send. It is for data that were not sent before: what was lost is repeated when it is noticed.
 * -EINVAL.
 */
#define STOQ_URGENCY_DEFAULT 3
#define STOQ_URGENCY_LAST    7
STOQ_API int stoq_stream_set_urgency(struct stoq_stream *stream, unsigned int urgency);

struct stoq_stream_info {
	int64_t id;
	enum stoq_stream_kind kind;
	bool ours; /* we opened it */
	unsigned int urgency;
	uint64_t opened_ns;

	/* Our direction, in bytes. acknowledged <= sent <= written */
	uint64_t written, sent, acknowledged;
	uint64_t packets_lost; /* with bytes of it, as known 100 ms ago; those were repeated */
	bool write_over;       /* finished, reset, stopped, or not ours */

	/* The peer's direction, in bytes. taken <= received */
	uint64_t received, taken;
	uint64_t window; /* that the peer may have sent and we not taken yet; 0: none was needed */
	bool paused;	 /* waits for stoq_stream_resume() */
	bool read_over;	 /* all was taken, or it was stopped or reset, or is not ours */
};

/* At any time; in stream_closed(), as it was at the end. */
STOQ_API void stoq_stream_info(const struct stoq_stream *stream, struct stoq_stream_info *info);

/* The stream of that ID, until stream_closed() has returned; else NULL. */
STOQ_API struct stoq_stream *stoq_stream_find(struct stoq_connection *connection, int64_t id);

/* How many bytes a write takes now. */
STOQ_API size_t stoq_stream_room(const struct stoq_stream *stream);

/*
 * Offer again what received() did not take, and what has come since: soon, not from within this
 * call; see received(). Nothing happens if it left nothing.
 */
STOQ_API void stoq_stream_resume(struct stoq_stream *stream);

/*
 * Abandon our direction: what is not acknowledged may be lost. The peer does not hear of a stream
 * of which nothing was sent before.
 */
STOQ_API void stoq_stream_reset(struct stoq_stream *stream, uint64_t code);

/* Ask the peer to abandon its direction; received() is not called any more. */
STOQ_API void stoq_stream_stop(struct stoq_stream *stream, uint64_t code);

/* ---- metrics ---- */

/* Times in ns. All 0 if count is 0. */
struct stoq_latency {
	uint64_t count, min, mean, p50, p95, p99, max;
};

#define STOQ_RTT_BUCKETS 40
#define STOQ_CORES_MAX	 128

struct stoq_transport_metrics {
	/* connections, now */
	uint64_t connections_handshaking, connections_open, connections_closing;
	/* connections, ever */
	uint64_t connections_accepted, connections_connected, connections_closed;
	uint64_t connections_failed;  /* the handshake did not end well */
	uint64_t connections_refused; /* one of the limits */
	uint64_t connections_resumed;
	uint64_t retries_sent, version_negotiations_sent, stateless_resets_sent;
	uint64_t streams_opened, streams_closed, streams_open;
	uint64_t key_updates, migrations;

	/* packets and bytes of UDP payload */
	uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
	uint64_t packets_dropped;   /* received, but not for us, malformed, or over a limit */
	uint64_t packets_handed_on; /* to the worker they belong to */
	uint64_t send_errors;
	uint64_t packets_retransmitted; /* with stream data, thought lost */
	/* by bytes: <=128, <=512, <=1200, <=1500, <=9000, larger */
	uint64_t packet_sizes[6], packet_sizes_received[6]; /* sent; received */
	/* Over the time since the reading before, a second at least. rate_ns 0: not known yet. */
	uint64_t rate_ns, packets_sent_per_second, packets_received_per_second;
	/*
	 * By the kernel or a ring, up to 100 ms old: no room, no way, too large. UINT64_MAX: not
	 * known.
	 */
	uint64_t datapath_dropped_sending, datapath_dropped_receiving;

	/* payload of streams and datagrams */
	uint64_t stream_bytes_sent, stream_bytes_received;
	uint64_t datagrams_sent, datagrams_received, datagrams_lost;

	/* round trip times, sampled every 100 ms per active connection */
	struct stoq_latency rtt;
	uint64_t rtt_histogram[STOQ_RTT_BUCKETS]; /* bucket i: 2^i <= ns < 2^(i+1) */

	uint64_t buffered_send_bytes, buffered_receive_bytes; /* held now */
	uint64_t pool_bytes; /* memory of pooled buffers, in use or not */
	/* Of max_memory_bytes: in use; all; times that credit or a write was held back for want. */
	uint64_t memory_used_bytes, memory_limit_bytes, memory_held_back;
	uint64_t cpu_ns; /* of the workers' threads; 0 if the loop is the caller's */
	uint64_t voluntary_switches, involuntary_switches; /* of these threads */
	/* cpu_ns by the core that a thread was on when it was looked at, ten times a second. */
	uint64_t core_cpu_ns[STOQ_CORES_MAX]; /* the last one: it and all above */
	const char *packet_protection;	      /* the backend's name */
	char datapath[160];		      /* worker 0's, for people */
};

/* Which datapath it has and why, the XDP filter, AF_XDP's rings and memory. From any thread. */
STOQ_API void stoq_transport_ebpf_status(
	const struct stoq_transport *transport, struct stoq_ebpf_status *status);

/* Sums up all workers; each figure is exact, but not all are of the same instant. */
STOQ_API void stoq_transport_metrics(
	struct stoq_transport *transport, struct stoq_transport_metrics *metrics);

#ifdef __cplusplus
}
#endif
