/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A connection, from its first packet to the end of its closing period. */
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stoq/transport.h>

#include "base/list.h"
#include "datapath/datapath.h"
#include "transport/budget.h"
#include "transport/credit.h"
#include "transport/datagrams.h"
#include "transport/given_ids.h"
#include "transport/handshake.h"
#include "transport/ngtcp2_compat.h"
#include "transport/path_size.h"
#include "transport/paths.h"
#include "transport/protection/protection.h"
#include "transport/settings.h"
#include "transport/shared_id.h"
#include "transport/timers.h"

#define STOQ_CONNECTION_CIDS   16 /* of ours that may be in use at once */
#define STOQ_CONNECTION_TOKENS 8  /* of the peer's IDs that are in use at once */

enum stoq_connection_state {
	STOQ_HANDSHAKING,
	STOQ_OPEN,
	STOQ_CLOSING, /* we sent CONNECTION_CLOSE, and repeat it if packets come */
	STOQ_DRAINING /* the peer did: silence */
};

struct stoq_close_packet {
	uint8_t *packet; /* CONNECTION_CLOSE, to be repeated */
	size_t size;
	struct stoq_address remote, local;
	uint32_t packets_until_repeat, repeat_interval;
};

struct stoq_connection {
	struct stoq_worker *worker;
	struct stoq_settings *settings;
	struct stoq_list link;	/* worker->connections */
	struct stoq_list dirty; /* worker->dirty: has something to do */
	struct stoq_timer timer;
	uint64_t id; /* for stoq_connection_find(); 0: none yet */
	void *user;

	enum stoq_connection_state state;
	bool server;
	bool announced;	     /* accepted() or connected() was called */
	bool address_proven; /* a server's peer: by a token, or because its handshake goes on */
	bool tls_over;	     /* the handshake; the peer's certificates may be asked for */
	bool review_due;     /* our files were read again while it was not over */
	bool confirmed;	     /* the handshake */
	bool finish_written; /* the end of the handshake is */
	bool resumed;
	bool early_data; /* streams may be written before the handshake is over */
	bool early_data_accepted;
	bool early_keys; /* to read or write early data with */
	bool shutting_down;
	bool streams_wanted;		/* stoq_stream_open() was refused */
	bool reset_received;		/* a stateless reset ended it */
	bool close_wanted;		/* at the next opportunity, with close_error */
	bool in_quic;			/* it reads a packet or its timer ran out: it calls us */
	bool keys_wanted;		/* stoq_connection_update_keys() was called in that time */
	bool next_at_once;		/* next_local is of stoq_connection_move() */
	struct stoq_address next_local; /* the same of stoq_connection_migrate(); length 0: not */

	ngtcp2_conn *quic; /* NULL from STOQ_CLOSING on */
	ngtcp2_mem quic_memory;
	ngtcp2_ccerr close_error;
	struct stoq_close_info close;
	/* While the application hears of the end: what stoq_connection_info() says. */
	const struct stoq_connection_info *last_info;
	struct stoq_close_packet close_packet;

	gnutls_session_t tls;
	ngtcp2_crypto_conn_ref reference; /* what ngtcp2's TLS glue finds us by */
	struct stoq_handshake handshake;
	struct stoq_credentials *credentials;
	enum stoq_cipher cipher;
	enum stoq_cipher early_cipher;
	char *wanted_name; /* a client: whom we connect to; NULL: any peer will do */
	char peer_name[256];
	char tls_reason[512];	/* why the handshake failed, "" unknown */
	uint8_t tls_alert;	/* what we say to that; 0: what GnuTLS says */
	uint8_t *session_token; /* from NEW_TOKEN, for a later connection */
	size_t session_token_size;
	size_t ticket_size; /* of the last one, which GnuTLS keeps */

	ngtcp2_cid cids[STOQ_CONNECTION_CIDS]; /* as they stand in the worker's table */
	bool cids_used[STOQ_CONNECTION_CIDS];  /* the peer has sent to it */
	size_t cid_count;

	/* What a stateless reset of the peer would end with; in the transport's table of tokens. */
	ngtcp2_cid reset_tokens[STOQ_CONNECTION_TOKENS];
	size_t reset_token_count;

	struct stoq_list streams, resumed_streams;
	struct stoq_list sendable[STOQ_URGENCY_LAST + 1]; /* by urgency */
	uint32_t stream_count;
	uint32_t kept_streams;		    /* that are over, but not for ngtcp2 */
	struct stoq_list blocked;	    /* by the peer's credit for the stream */
	bool flow_blocked;		    /* by the peer's credit for the connection */
	struct stoq_budget_account account; /* what it may receive and hold */
	struct stoq_credit credit;
	uint64_t untold_bytes; /* of its window: the peer has not been told of them */
	uint64_t unread_bytes; /* of all streams */

	/* IDs of the next streams that we open. */
	int64_t next_bidirectional, next_unidirectional;

	struct stoq_datagrams datagrams;
	uint64_t datagram_frame_max;	  /* that we take, 0: none */
	uint64_t peer_datagram_frame_max; /* that the peer takes */
	struct stoq_paths paths;	  /* of a server */
	uint64_t arrived_ns;		  /* on the current path */
	unsigned int strandings;	  /* at the peer's address */
	struct stoq_shared_id shared_id;
	struct stoq_given_ids given_ids;
	size_t recent_id;     /* of ours that the peer sent to */
	bool opened;	      /* a packet that has just come is the peer's */
	bool crypto_seen;     /* it has CRYPTO frames */
	uint64_t stranded_ns; /* since when there is no path to send on; 0: there is one */
	struct stoq_path_size path_size;
	bool probing;	    /* what is written is a probe of the path's packet size */
	bool larger_wanted; /* there was more to send than a packet took */

	uint64_t key_updates;
	uint64_t heard_ns;   /* the last packet came */
	uint64_t silence_ns; /* when we first sent after the last packet came; 0: not yet */
	uint64_t packets_since_update; /* that we sent */
	uint64_t burst_began_ns;       /* what was sent since then is not paced yet */
	uint64_t burst_bytes;	       /* how much that is */
	bool next_keys_ready;
	uint64_t sampled_ns; /* when its round trip time was last taken */
	FILE *qlog;
};

/* What callbacks are called with. */
static inline const struct stoq_transport_callbacks *stoq_connection_callbacks(
	const struct stoq_connection *connection)
{
	return &connection->settings->config.callbacks;
}
static inline void *stoq_connection_callback_user(const struct stoq_connection *connection)
{
	return connection->user ? connection->user : connection->settings->config.user;
}

/* A connection without QUIC and TLS yet; NULL: no memory. */
struct stoq_connection *stoq_connection_new(struct stoq_worker *worker, bool server);

/* It is about to be freed: takes it out of the worker's and the transport's tables and counts. */
void stoq_connection_unlist(struct stoq_connection *connection);
void stoq_connection_set_state(
	struct stoq_connection *connection, enum stoq_connection_state state);

/* Something is to be sent, delivered, or closed. */
void stoq_connection_touch(struct stoq_connection *connection);

/* Its IDs in the worker's table. 0, -ENOMEM, -EEXIST, -ENOSPC. */
int stoq_connection_add_cid(struct stoq_connection *connection, const ngtcp2_cid *cid);
void stoq_connection_remove_cid(struct stoq_connection *connection, const ngtcp2_cid *cid);

/* The peer's stateless reset tokens. Those that do not fit are not recognised. */
void stoq_connection_add_token(struct stoq_connection *connection, const uint8_t *token);
void stoq_connection_remove_token(struct stoq_connection *connection, const uint8_t *token);
