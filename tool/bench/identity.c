// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pki/files.h"
#include "pki/material.h"

void bench_identity_open(struct bench_identity *identity, const char *folder)
{
	memset(identity, 0, sizeof(*identity));
	snprintf(identity->folder, sizeof(identity->folder), "%s", folder);
	snprintf(identity->ca, sizeof(identity->ca), "%s/" STOQ_PKI_CA_FILE, identity->folder);
	snprintf(identity->certificate, sizeof(identity->certificate), "%s/" STOQ_PKI_CERT_FILE,
		identity->folder);
	snprintf(identity->key, sizeof(identity->key), "%s/" STOQ_PKI_KEY_FILE, identity->folder);
	snprintf(identity->crl, sizeof(identity->crl), "%s/" STOQ_PKI_CRL_FILE, identity->folder);
	identity->has_crl = access(identity->crl, F_OK) == 0;
}

static int write_one(struct bench_identity *identity, const struct stoq_pki_material *material,
	struct stoq_error *error)
{
	const char *temporary = getenv("TMPDIR");
	struct stoq_pki_file files[] = {{STOQ_PKI_CA_FILE, material->ca},
		{STOQ_PKI_CERT_FILE, material->certificate}, {STOQ_PKI_KEY_FILE, material->key}};
	char folder[BENCH_FOLDER_BYTES];

	if (!temporary)
		temporary = "/tmp";
	if (snprintf(folder, sizeof(folder), "%s/stoq-bench-XXXXXX", temporary) >=
		(int)sizeof(folder))
		return stoq_error_set(error, -ENAMETOOLONG,
			"the path in TMPDIR, '%.40s...', is too long: set a shorter one",
			temporary);
	if (!mkdtemp(folder)) {
		int ret = -errno;

		return stoq_error_set(
			error, ret, "cannot make the folder %s: %s", folder, strerror(-ret));
	}
	bench_identity_open(identity, folder);
	identity->temporary = true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int ret = stoq_pki_write_file(folder, &files[i], error);

		if (ret)
			return ret;
	}
	return 0;
}

int bench_identity_make(struct bench_identity pair[static 2], struct stoq_error *error)
{
	static const char *const names[2] = {BENCH_CLIENT_NAME, BENCH_SERVER_NAME};
	struct stoq_pki_material material[2];
	int ret = stoq_pki_material_make_pair(material, names, time(NULL), error);

	memset(pair, 0, 2 * sizeof(pair[0]));
	if (ret)
		return ret;
	for (int i = 0; i < 2 && !ret; i++)
		ret = write_one(&pair[i], &material[i], error);
	for (int i = 0; i < 2; i++) {
		stoq_pki_material_free(&material[i]);
		if (ret)
			bench_identity_remove(&pair[i]);
	}
	return ret;
}

void bench_identity_remove(struct bench_identity *identity)
{
	if (!identity->temporary)
		return;
	unlink(identity->ca);
	unlink(identity->certificate);
	unlink(identity->key);
	rmdir(identity->folder);
	identity->temporary = false;
}
