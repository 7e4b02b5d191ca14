/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A private authority in a folder:
 *
 *	ca.pem, ca-key.pem, crl.pem	the authority, and what it has revoked
 *	issued/SERIAL.pem		every certificate it has issued
 *	nodes/NODE/			what node NODE needs: ca.pem, crl.pem, cert.pem, key.pem
 *
 * Whoever changes it holds a lock on the folder. The clock is the caller's.
 */
#include "pki/describe.h"
#include "pki/files.h"
#include "pki/material.h"

#define STOQ_PKI_DEFAULT_FOLDER "/etc/stoq/pki"
#define STOQ_PKI_CA_KEY_FILE	"ca-key.pem"
#define STOQ_PKI_NODES_FOLDER	"nodes"
#define STOQ_PKI_ISSUED_FOLDER	"issued"

struct stoq_pki_store {
	char folder[STOQ_PKI_PATH_MAX];
	int lock;			    /* the folder's descriptor */
	struct stoq_pki_identity authority; /* the key only if opened to write */
	gnutls_x509_crl_t crl;
};

/*
 * Makes an authority. One that is there is refused, or with force put aside: aside gets the folder
 * that it is in then, else "".
 */
int stoq_pki_store_init(const char *folder, const struct stoq_pki_request *request, bool force,
	char aside[static STOQ_PKI_PATH_MAX], struct stoq_error *error);

/* to_write: also reads the authority's key, and waits until no other process writes. */
int stoq_pki_store_open(
	struct stoq_pki_store *store, const char *folder, bool to_write, struct stoq_error *error);
void stoq_pki_store_close(struct stoq_pki_store *store);
