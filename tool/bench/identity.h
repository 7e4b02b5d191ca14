/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The certificates of both ends: of a folder, or made for one measurement. */
#include <stdbool.h>

#include "base/error.h"

#define BENCH_CLIENT_NAME "client.bench.stoq" /* in certificates of its own making */
#define BENCH_SERVER_NAME "server.bench.stoq"

#define BENCH_FOLDER_BYTES 512
#define BENCH_FILE_BYTES   (BENCH_FOLDER_BYTES + 32) /* of a file in it */

/* A folder with an end's certificates. */
struct bench_identity {
	char folder[BENCH_FOLDER_BYTES];
	char ca[BENCH_FILE_BYTES], certificate[BENCH_FILE_BYTES], key[BENCH_FILE_BYTES];
	char crl[BENCH_FILE_BYTES];
	bool has_crl;
	bool temporary; /* made here, removed by bench_identity_remove() */
};

/* Uses a folder that is there. */
void bench_identity_open(struct bench_identity *identity, const char *folder);
/* Makes a pair: the client's and the server's. */
int bench_identity_make(struct bench_identity pair[static 2], struct stoq_error *error);
/* Once the transport has read it: so nothing is left, however the process ends. */
void bench_identity_remove(struct bench_identity *identity);
