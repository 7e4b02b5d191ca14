/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Our certificate and the authorities we trust, as read from files at one time. Handshakes hold a
 * reference: a reload takes nothing away from them.
 */
#include <gnutls/gnutls.h>
#include <stoq/transport.h>

struct stoq_credentials {
	unsigned int references; /* atomic */
	gnutls_certificate_credentials_t certificates;
};

/* 0; -ENOENT, -EACCES, ...: a file cannot be read; or it does not hold what it should. */
int stoq_credentials_load(struct stoq_credentials **credentials, const struct stoq_tls_config *tls,
	struct stoq_error *error);
struct stoq_credentials *stoq_credentials_hold(struct stoq_credentials *credentials);
void stoq_credentials_release(struct stoq_credentials *credentials); /* NULL is fine */
