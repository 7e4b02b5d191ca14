// SPDX-License-Identifier: BSD-2-Clause
#include "pki/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"

/* ---- init ---- */

/* The folders above; readable like /etc, for what is secret is below. */
static int make_parents(const char *folder, struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];

	snprintf(path, sizeof(path), "%s", folder);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return stoq_error_set(error, -errno, "cannot make the folder %s: %m", path);
		*slash = '/';
	}
	return 0;
}

static bool exists(const char *folder, const char *name)
{
	char path[STOQ_PKI_PATH_MAX];

	return !stoq_pki_path(path, folder, name, NULL) && !access(path, F_OK);
}

/* Files that are not ours are not replaced. */
static int check_place(const char *folder, bool force, struct stoq_error *error)
{
	const bool has_authority =
		exists(folder, STOQ_PKI_CA_FILE) || exists(folder, STOQ_PKI_CA_KEY_FILE);

	if (has_authority && !force)
		return stoq_error_set(error, -EEXIST,
			"%s has an authority already. A new one would not be trusted where the old "
			"one is; with --force the old one is put aside",
			folder);
	/* An empty folder can be removed, and so be replaced. */
	if (!has_authority && rmdir(folder) && errno != ENOENT)
		return stoq_error_set(error, -errno,
			"%s cannot become an authority's folder: %m; name one that is empty or "
			"does not exist",
			folder);
	return 0;
}

/* Where the old authority goes: a name that does not exist yet. */
static int choose_aside(
	const char *folder, char aside[static STOQ_PKI_PATH_MAX], struct stoq_error *error)
{
	for (int i = 1; i < 1000; i++) {
		int length = snprintf(aside, STOQ_PKI_PATH_MAX, "%s.old-%d", folder, i);

		if (length < 0 || length >= STOQ_PKI_PATH_MAX)
			return stoq_error_set(
				error, -ENAMETOOLONG, "the path %.60s... is too long", folder);
		if (access(aside, F_OK))
			return 0;
	}
	return stoq_error_set(error, -EEXIST,
		"%s.old-1 to %s.old-999 exist: remove those that you do not need", folder, folder);
}

static int make_files(const struct stoq_pki_request *request, struct stoq_pki_file files[3],
	struct stoq_error *error)
{
	struct stoq_pki_identity authority;
	gnutls_x509_crl_t crl = NULL;
	int ret = stoq_pki_make_authority(&authority, request, error);

	if (!ret)
		ret = stoq_pki_make_crl(&crl, &authority, NULL, NULL, 0,
			request->not_before + STOQ_PKI_CLOCK_SKEW_S, error);
	if (!ret)
		ret = stoq_pki_key_text(&files[0].text, authority.key, error);
	if (!ret)
		ret = stoq_pki_crl_text(&files[1].text, crl, error);
	if (!ret)
		ret = stoq_pki_certificate_text(&files[2].text, authority.certificate, error);
	if (crl)
		gnutls_x509_crl_deinit(crl);
	stoq_pki_identity_free(&authority);
	return ret;
}

/* Two who start at once: the second finds what the first has made. */
static int lock_parent(const char *folder, struct stoq_error *error)
{
	char *copy = strdup(folder);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	int status = fd < 0 ? -errno : stoq_lock_take(fd);

	if (status) {
		if (fd >= 0)
			close(fd);
		fd = stoq_error_set(error, status, "cannot lock the folder above %s: %s", folder,
			strerror(-status));
	}
	free(copy);
	return fd;
}

static int init_locked(const char *folder, const struct stoq_pki_request *request, bool force,
	char aside[static STOQ_PKI_PATH_MAX], struct stoq_error *error)
{
	struct stoq_pki_file files[3] = {
		{STOQ_PKI_CA_KEY_FILE, {0}}, {STOQ_PKI_CRL_FILE, {0}}, {STOQ_PKI_CA_FILE, {0}}};
	int ret = check_place(folder, force, error);

	if (!ret && !access(folder, F_OK))
		ret = choose_aside(folder, aside, error);
	if (!ret)
		ret = make_files(request, files, error);
	if (!ret)
		ret = stoq_pki_write_folder(folder, files, 3, aside[0] ? aside : NULL, error);
	for (int i = 0; i < 3; i++)
		stoq_pki_text_free(&files[i].text);
	return ret;
}

/* Without slashes at the end. */
static int take_folder(
	char path[static STOQ_PKI_PATH_MAX], const char *folder, struct stoq_error *error)
{
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (!length || length >= STOQ_PKI_PATH_MAX)
		return stoq_error_set(
			error, -ENAMETOOLONG, "the path '%.60s' is empty or too long", folder);
	memcpy(path, folder, length);
	path[length] = '\0';
	return 0;
}

int stoq_pki_store_init(const char *folder, const struct stoq_pki_request *request, bool force,
	char aside[static STOQ_PKI_PATH_MAX], struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];
	int fd, ret = take_folder(path, folder, error);

	aside[0] = '\0';
	if (!ret)
		ret = make_parents(path, error);
	if (ret)
		return ret;
	fd = lock_parent(path, error);
	if (fd < 0)
		return fd;
	ret = init_locked(path, request, force, aside, error);
	close(fd);
	return ret;
}

/* ---- open ---- */

/* A file of the folder; path gets its whole name. */
static int read_own(const struct stoq_pki_store *store, const char *name, const char *secret,
	char path[static STOQ_PKI_PATH_MAX], gnutls_datum_t *text, struct stoq_error *error)
{
	int ret = stoq_pki_path(path, store->folder, name, error);

	return ret ? ret : stoq_pki_read_file(text, path, secret, error);
}

static int read_certificate(struct stoq_pki_store *store, struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];
	gnutls_datum_t text;
	int ret = read_own(store, STOQ_PKI_CA_FILE, NULL, path, &text, error);

	if (ret == -ENOENT)
		return stoq_error_set(error, ret,
			"%s holds no authority: `stoq pki init` makes one", store->folder);
	if (ret)
		return ret;
	ret = stoq_pki_certificate_parse(&store->authority.certificate, &text, path, error);
	stoq_pki_text_free(&text);
	return ret;
}

static int read_crl(struct stoq_pki_store *store, struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];
	gnutls_datum_t text;
	int ret = read_own(store, STOQ_PKI_CRL_FILE, NULL, path, &text, error);

	if (ret)
		return ret;
	ret = stoq_pki_crl_parse(&store->crl, &text, path, error);
	stoq_pki_text_free(&text);
	return ret;
}

static int read_key(struct stoq_pki_store *store, struct stoq_error *error)
{
	char path[STOQ_PKI_PATH_MAX];
	gnutls_datum_t text;
	int ret = read_own(store, STOQ_PKI_CA_KEY_FILE, "the private key", path, &text, error);

	if (ret)
		return ret;
	ret = stoq_pki_key_parse(&store->authority.key, &text, path, error);
	stoq_pki_text_free(&text);
	return ret;
}

static int lock_to_write(struct stoq_pki_store *store, struct stoq_error *error)
{
	struct stat status;
	int code;

	if (fstat(store->lock, &status))
		return stoq_error_set(error, -errno, "cannot look at %s: %m", store->folder);
	if (status.st_mode & 022)
		return stoq_error_set(error, -EPERM,
			"others can change the folder %s (mode %04o), and so the authority: run "
			"`chmod 700 %s`",
			store->folder, (unsigned int)(status.st_mode & 0777), store->folder);
	code = stoq_lock_take(store->lock);
	return code ? stoq_error_set(
			      error, code, "cannot lock %s: %s", store->folder, strerror(-code))
		    : 0;
}

/* After the lock: what is there then has been finished or was interrupted. */
static int prepare_folders(struct stoq_pki_store *store, struct stoq_error *error)
{
	static const char *const names[] = {STOQ_PKI_NODES_FOLDER, STOQ_PKI_ISSUED_FOLDER};
	int ret = 0;

	stoq_pki_sweep_drafts(store->folder);
	for (int i = 0; i < 2 && !ret; i++) {
		char path[STOQ_PKI_PATH_MAX];

		ret = stoq_pki_path(path, store->folder, names[i], error);
		if (!ret)
			ret = stoq_pki_make_folder(path, error);
		if (!ret)
			stoq_pki_sweep_drafts(path);
	}
	return ret;
}

static int open_store(struct stoq_pki_store *store, bool to_write, struct stoq_error *error)
{
	int ret = to_write ? lock_to_write(store, error) : 0;

	if (!ret)
		ret = read_certificate(store, error);
	if (!ret)
		ret = read_crl(store, error);
	if (!ret && to_write)
		ret = read_key(store, error);
	if (!ret && to_write)
		ret = prepare_folders(store, error);
	return ret;
}

int stoq_pki_store_open(
	struct stoq_pki_store *store, const char *folder, bool to_write, struct stoq_error *error)
{
	int ret;

	*store = (struct stoq_pki_store){.lock = -1};
	ret = take_folder(store->folder, folder, error);
	if (ret)
		return ret;
	store->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->lock < 0 && errno == ENOENT)
		return stoq_error_set(error, -ENOENT,
			"there is no folder %s: `stoq pki init` makes an authority", folder);
	if (store->lock < 0)
		return stoq_error_set(error, -errno, "cannot open %s: %m", folder);
	ret = open_store(store, to_write, error);
	if (ret)
		stoq_pki_store_close(store);
	return ret;
}

void stoq_pki_store_close(struct stoq_pki_store *store)
{
	stoq_pki_identity_free(&store->authority);
	if (store->crl)
		gnutls_x509_crl_deinit(store->crl);
	if (store->lock >= 0)
		close(store->lock);
	*store = (struct stoq_pki_store){.lock = -1};
}
