/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The options of `stoq pki`. */
#include <stdbool.h>

#include "pki/store.h"

/* What the command line asks for. */
struct pki_request {
	const char *folder;
	const char *what; /* the argument that is no option, if any */
	const char *name;
	uint64_t days; /* 0: not given */
	enum stoq_pki_key_type key_type;
	struct stoq_pki_name names[STOQ_PKI_NAMES_MAX];
	size_t name_count;
	bool force;
	bool json;
};

enum pki_command { PKI_INIT, PKI_ISSUE, PKI_RENEW, PKI_REVOKE, PKI_SHOW, PKI_LIST };

/* 0: go on. Else the verb ends, with *status. */
int pki_options_parse(
	struct pki_request *request, enum pki_command command, int argc, char **argv, int *status);

extern const char pki_help[]; /* the text of --help */
