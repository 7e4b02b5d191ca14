/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the workers of a transport share. */
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stoq/transport.h>

#include "base/list.h"
#include "datapath/choose.h"
#include "datapath/datapath.h"
#include "transport/cid.h"
#include "transport/packet_rate.h"
#include "transport/settings.h"

struct stoq_transport {
	unsigned int worker_count;
	struct stoq_worker **workers;

	/* Never change. */
	struct stoq_cid_key cid_key;	  /* seals our connection IDs */
	struct stoq_cid_key hash_key;	  /* of the tables of connection IDs */
	uint8_t reset_secret[32];	  /* for stateless reset tokens */
	uint8_t token_secret[32];	  /* for Retry and address validation tokens */
	gnutls_datum_t ticket_key;	  /* for TLS's session tickets */
	gnutls_anti_replay_t anti_replay; /* of early data; NULL: none is accepted */
	gnutls_priority_t priorities;

	enum stoq_datapath_kind datapath_asked;
	struct stoq_datapath_choice choice; /* all zero: created on datapaths of the caller's */

	/* Of the configuration; they never change. */
	void (*log)(enum stoq_log_level level, const char *text, void *user);
	void *log_user;

	struct stoq_list farewell; /* farewell.c's transports */
	pid_t process;		   /* that made it */
	bool stopping;		   /* atomic */
	bool destroying;	   /* set and read in stoq_transport_destroy() and its callbacks */

	pthread_mutex_t lock; /* of what follows */
	struct stoq_settings *settings;
	unsigned int settings_version; /* atomic; changed under the lock */
	struct stoq_credentials *credentials;
	unsigned int credentials_version; /* atomic; changed under the lock */
	FILE *keylog;
	struct stoq_seen *seen; /* early data we had: early_data.c */
	struct stoq_packet_rate rate;
	struct stoq_cid_table reset_tokens; /* of all workers' peers: a reset may come to any */
};

/* The connection whose peer's stateless reset ends with that token; NULL: none has it. Only to be compared, and
 * *worker, which owns it, asked. */
struct stoq_connection *stoq_transport_find_token(struct stoq_transport *transport,
	const uint8_t token[static NGTCP2_STATELESS_RESET_TOKENLEN], unsigned int *worker);
int stoq_transport_add_token(
	struct stoq_transport *transport, const ngtcp2_cid *token, struct stoq_connection *owner);
void stoq_transport_remove_token(struct stoq_transport *transport, const ngtcp2_cid *token);

struct stoq_credentials *stoq_transport_credentials(struct stoq_transport *transport);
struct stoq_settings *stoq_transport_settings(struct stoq_transport *transport);

__attribute__((format(printf, 3, 4))) void stoq_transport_log(
	struct stoq_transport *transport, enum stoq_log_level level, const char *format, ...);

/* A worker's share of a limit for all. */
uint32_t stoq_transport_share(const struct stoq_transport *transport, uint32_t limit);
