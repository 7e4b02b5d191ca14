/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whether a TLS peer is who it is expected to be, and why not. */
#include "pki/material.h"
#include <gnutls/gnutls.h>

/* Whom a connection is meant for; patterns as stoq_pki_name_matches() has them. */
struct stoq_pki_expectation {
	bool peer_is_server;
	const char *name;	     /* what it was called on connecting; NULL: it came to us */
	const char *const *patterns; /* who else it may be; needed if there is no name */
	size_t pattern_count;
};

struct stoq_pki_refusal {
	int alert;	/* TLS's AlertDescription, for the other end */
	char text[512]; /* the reason */
};

/*
 * For gnutls_session_set_verify_function(): 0, or -EACCES with the refusal. The chain, the dates,
 * revocation and the purpose count, and that the peer has the name that is expected, and one that
 * a pattern allows if there are patterns. `authorised` gets that one. A server should also say
 * gnutls_certificate_send_x509_rdn_sequence(session, 1): a client that is told which authorities
 * are meant, and has none of theirs, shows no certificate, and could not be told what is wrong.
 */
int stoq_pki_verify_peer(gnutls_session_t session, const struct stoq_pki_expectation *expectation,
	struct stoq_pki_name *authorised, struct stoq_pki_refusal *refusal);
