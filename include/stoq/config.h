/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The configuration of a transport. Part of <stoq/transport.h>. */
#include <stoq/callbacks.h>
#include <stoq/ebpf.h>
#include <stoq/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum stoq_congestion_control { STOQ_CUBIC, STOQ_BBR, STOQ_RENO };

enum stoq_retry_mode {
	STOQ_RETRY_UNDER_LOAD, /* from retry_half_open unfinished handshakes on */
	STOQ_RETRY_ALWAYS,
	STOQ_RETRY_NEVER,
};

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
	bool xdp_filter; /* drop what is no QUIC of ours before the kernel's IP sees it [false] */
	enum stoq_filter_place filter_place; /* [STOQ_FILTER_AUTO] */

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
	/* Spread bursts of 1 ms over the round trip, where that is longer than 1 ms [true]. */
	bool pacing;
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

/* Sets everything to the defaults, which stand in brackets above. */
STOQ_API void stoq_transport_config_init(struct stoq_transport_config *config);

#ifdef __cplusplus
}
#endif
