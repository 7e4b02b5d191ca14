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

/* What a node shall get. */
struct stoq_pki_order {
	const char *node; /* a DNS name, which the certificate gets first */
	const struct stoq_pki_name *names;
	size_t name_count; /* further names */
	unsigned int days; /* cut if the authority ends earlier */
	enum stoq_pki_key_type key_type;
	bool force; /* the node may have a certificate */
};

/*
 * Issues a certificate with a new key and makes the node's folder, whose path is returned. A
 * certificate that the node had stays in force until it expires or is revoked.
 */
int stoq_pki_store_issue(struct stoq_pki_store *store, const struct stoq_pki_order *order,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error);

/* Issues to a node that has a certificate a new one: same names, new key. days 0: as long. */
int stoq_pki_store_renew(struct stoq_pki_store *store, const char *node, unsigned int days,
	time_t now, char path[static STOQ_PKI_PATH_MAX], struct stoq_error *error);

/*
 * Revokes all certificates in force that a node has, or the one with this serial number, and
 * writes the list, also into the nodes' folders. -ENOENT: there is none.
 */
int stoq_pki_store_revoke(struct stoq_pki_store *store, const char *node_or_serial, time_t now,
	size_t *count, struct stoq_error *error);

enum stoq_pki_state {
	STOQ_PKI_VALID,
	STOQ_PKI_NOT_YET_VALID,
	STOQ_PKI_EXPIRED,
	STOQ_PKI_REVOKED,
};

/* "valid", "not valid yet", "expired", "revoked". */
const char *stoq_pki_state_name(enum stoq_pki_state state);

/* A certificate that was issued; its subject is the node. */
struct stoq_pki_record {
	gnutls_x509_crt_t certificate;
	struct stoq_pki_description description;
	enum stoq_pki_state state;
};

struct stoq_pki_records {
	struct stoq_pki_record *records; /* by node, the latest to end first */
	size_t count;
};

int stoq_pki_store_records(const struct stoq_pki_store *store, time_t now,
	struct stoq_pki_records *records, struct stoq_error *error);
void stoq_pki_records_free(struct stoq_pki_records *records);

/* crl may be NULL. */
enum stoq_pki_state stoq_pki_state_of(
	gnutls_x509_crt_t certificate, gnutls_x509_crl_t crl, time_t now);
