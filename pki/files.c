// SPDX-License-Identifier: BSD-2-Clause
#include "pki/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAFT	  ".stoq-draft-" /* what a draft's name begins with */
#define DRAFT_OLD ".stoq-draft-old-"
#define DEPTH_MAX 3 /* an authority's folder, nodes/, a node's folder, its files */

/* ---- reading ---- */

/* PostgreSQL's rule: a group may read root's keys; a user's keys are that user's only. */
static int check_secret(
	const char *what, const char *path, const struct stat *status, struct stoq_error *error)
{
	const mode_t allowed = status->st_uid == 0 ? 0740 : 0700;

	if (status->st_uid != geteuid() && status->st_uid != 0)
		return stoq_error_set(error, -EPERM,
			"%s %s belongs to user %u, not to you or root: that user can replace it; "
			"change its owner",
			what, path, (unsigned int)status->st_uid);
	if (status->st_mode & 0777 & ~allowed)
		return stoq_error_set(error, -EPERM,
			"%s %s has mode %04o, so others can read or change it: run `chmod 600 %s`, "
			"and replace what is in it if others may have read it",
			what, path, (unsigned int)(status->st_mode & 0777), path);
	return 0;
}

static int check_file(
	int fd, const char *path, const char *secret, size_t *size, struct stoq_error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return stoq_error_set(error, -errno, "cannot read %s: %m", path);
	if (!S_ISREG(status.st_mode))
		return stoq_error_set(error, -EINVAL, "%s is not a regular file", path);
	if (status.st_size > STOQ_PKI_FILE_MAX)
		return stoq_error_set(error, -EFBIG,
			"%s has %lld bytes: too many for keys and "
			"certificates",
			path, (long long)status.st_size);
	*size = (size_t)status.st_size;
	return secret ? check_secret(secret, path, &status, error) : 0;
}

static int read_all(
	int fd, unsigned char *data, size_t size, const char *path, struct stoq_error *error)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return stoq_error_set(error, -errno, "cannot read %s: %m", path);
		if (!got)
			return stoq_error_set(
				error, -EIO, "%s became shorter while it was read", path);
		done += (size_t)got;
	}
	return 0;
}

int stoq_pki_read_file(
	gnutls_datum_t *text, const char *path, const char *secret, struct stoq_error *error)
{
	/* O_NONBLOCK: a FIFO must not keep us; for files it means nothing. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t size = 0;
	int ret;

	*text = (gnutls_datum_t){0};
	if (fd < 0)
		return stoq_error_set(error, -errno, "cannot open %s: %m", path);
	ret = check_file(fd, path, secret, &size, error);
	if (!ret) {
		text->data = gnutls_calloc(1, size + 1);
		text->size = (unsigned int)size;
		ret = text->data ? read_all(fd, text->data, size, path, error)
				 : stoq_error_set(error, -ENOMEM, "no memory for %s", path);
	}
	close(fd);
	if (ret && text->data) {
		gnutls_memset(text->data, 0, size);
		gnutls_free(text->data);
		*text = (gnutls_datum_t){0};
	}
	return ret;
}

/* ---- writing ---- */

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

static int write_all(int fd, const gnutls_datum_t *text)
{
	size_t done = 0;

	while (done < text->size) {
		ssize_t put = write(fd, text->data + done, text->size - done);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0)
			done += (size_t)put;
	}
	return fsync(fd) ? -errno : 0;
}

static int write_new_file(const char *path, const gnutls_datum_t *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, text);
	if (close(fd) && !ret)
		ret = -errno;
	if (ret)
		unlink(path);
	return ret;
}

/* folder/name, or -ENAMETOOLONG. */
static int join(char *path, const char *folder, const char *prefix, const char *name)
{
	int length = snprintf(path, STOQ_PKI_PATH_MAX, "%s/%s%s", folder, prefix, name);

	return length < 0 || length >= STOQ_PKI_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int replace_file(const char *folder, const struct stoq_pki_file *file)
{
	char draft[STOQ_PKI_PATH_MAX], path[STOQ_PKI_PATH_MAX];
	int ret = join(draft, folder, DRAFT, file->name);

	if (!ret)
		ret = join(path, folder, "", file->name);
	if (ret)
		return ret;
	unlink(draft);
	ret = write_new_file(draft, &file->text);
	if (!ret && rename(draft, path))
		ret = -errno;
	if (ret)
		unlink(draft);
	return ret ? ret : sync_folder(folder);
}

int stoq_pki_write_file(
	const char *folder, const struct stoq_pki_file *file, struct stoq_error *error)
{
	int ret = replace_file(folder, file);

	return ret ? stoq_error_set(error, ret, "cannot write %s/%s: %s", folder, file->name,
			     strerror(-ret))
		   : 0;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * Removes what is below `at` by that name: a file, or a folder with folders `depth` levels deep,
 * which is as deep as ours are. Symbolic links are removed, never followed.
 */
static void remove_tree(int at, const char *name, int depth)
{
	int fd = unlinkat(at, name, 0)
			 ? openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (depth && (entry = readdir(folder))) {
		if (!is_dot(entry->d_name))
			remove_tree(dirfd(folder), entry->d_name, depth - 1);
	}
	closedir(folder);
	unlinkat(at, name, AT_REMOVEDIR);
}

void stoq_pki_sweep_drafts(const char *folder)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		if (strncmp(entry->d_name, DRAFT, strlen(DRAFT)) == 0)
			remove_tree(dirfd(entries), entry->d_name, DEPTH_MAX);
	}
	if (entries)
		closedir(entries);
}

static int fill_folder(const char *path, const struct stoq_pki_file *files, size_t count)
{
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++) {
		char inner[STOQ_PKI_PATH_MAX];

		ret = join(inner, path, "", files[i].name);
		if (!ret)
			ret = write_new_file(inner, &files[i].text);
	}
	return ret ? ret : sync_folder(path);
}

/*
 * The draft takes the path's place, and what was there is called `old`. Two folders can change
 * places at once on the file systems of Linux; where they cannot, there is a moment with none.
 */
static int move_in(const char *draft, const char *path, const char *old)
{
	if (!rename(draft, path))
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	if (!renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_EXCHANGE))
		return rename(draft, old) ? -errno : 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(path, old) || rename(draft, path) ? -errno : 0;
}

static int write_folder(const char *path, const char *parent, const char *name,
	const struct stoq_pki_file *files, size_t count, const char *aside)
{
	char draft[STOQ_PKI_PATH_MAX], old[STOQ_PKI_PATH_MAX];
	int ret = join(draft, parent, DRAFT, name);

	if (!ret)
		ret = join(old, parent, DRAFT_OLD, name);
	if (ret)
		return ret;
	remove_tree(AT_FDCWD, draft, DEPTH_MAX);
	remove_tree(AT_FDCWD, old, DEPTH_MAX);
	if (mkdir(draft, 0700))
		return -errno;
	ret = fill_folder(draft, files, count);
	if (!ret)
		ret = move_in(draft, path, aside ? aside : old);
	remove_tree(AT_FDCWD, draft, DEPTH_MAX);
	remove_tree(AT_FDCWD, old, DEPTH_MAX);
	return ret ? ret : sync_folder(parent);
}

int stoq_pki_write_folder(const char *path, const struct stoq_pki_file *files, size_t count,
	const char *aside, struct stoq_error *error)
{
	char *parent = strdup(path), *last = strdup(path);
	int ret = parent && last
			  ? write_folder(path, dirname(parent), basename(last), files, count, aside)
			  : -ENOMEM;

	free(parent);
	free(last);
	return ret ? stoq_error_set(error, ret, "cannot make %s: %s", path, strerror(-ret)) : 0;
}

int stoq_pki_path(char path[static STOQ_PKI_PATH_MAX], const char *folder, const char *name,
	struct stoq_error *error)
{
	return join(path, folder, "", name)
		       ? stoq_error_set(error, -ENAMETOOLONG, "the path %.60s.../%s is too long",
				 folder, name)
		       : 0;
}

int stoq_pki_make_folder(const char *path, struct stoq_error *error)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return stoq_error_set(error, -errno, "cannot make the folder %s: %m", path);
}
