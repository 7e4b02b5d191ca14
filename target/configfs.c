// SPDX-License-Identifier: BSD-2-Clause
#include "target/configfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_real_folder(const char *path)
{
	return mkdir(path, 0755);
}

const struct stoq_configfs stoq_configfs_kernel = {
	.root = "/sys/kernel/config",
	.dev = "/dev",
	.make_folder = make_real_folder,
	.remove_folder = rmdir,
};

static int save(struct stoq_configfs_session *session)
{
	return stoq_target_state_save(session->state, session->state_path, session->error);
}

/* Writes the intention down; -EEXIST if the thing is already there and so not ours. */
static int intend(struct stoq_configfs_session *session, const char *path)
{
	struct stat status;
	int ret;

	if (lstat(path, &status) == 0)
		return -EEXIST;
	ret = stoq_target_state_add_made(session->state, path);
	if (ret)
		return stoq_error_set(session->error, ret, "%s: %s", path,
			ret == -ENOSPC ? "a target has too many parts" : strerror(-ret));
	ret = save(session);
	if (ret)
		stoq_target_state_drop_made(session->state);
	return ret;
}

/* After the attempt: what failed is not ours. */
static int settle(struct stoq_configfs_session *session, const char *path, int ret)
{
	if (!ret)
		return 0;
	stoq_target_state_drop_made(session->state);
	if (save(session))
		return session->error->code;
	if (ret == -EEXIST)
		return ret;
	return stoq_error_set(session->error, ret, "cannot make %s: %s", path, strerror(-ret));
}

int stoq_configfs_make(struct stoq_configfs_session *session, const char *path)
{
	int ret = intend(session, path);

	if (ret)
		return ret;
	ret = session->fs->make_folder(path) ? -errno : 0;
	return settle(session, path, ret);
}

int stoq_configfs_link(
	struct stoq_configfs_session *session, const char *existing, const char *path)
{
	int ret = intend(session, path);

	if (ret)
		return ret;
	ret = symlink(existing, path) ? -errno : 0;
	return settle(session, path, ret);
}

int stoq_configfs_write(struct stoq_configfs_session *session, const char *folder,
	const char *attribute, const char *value)
{
	char path[STOQ_CONFIGFS_PATH_MAX];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, attribute);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret ? stoq_error_set(session->error, ret, "cannot write '%s' to %s: %s", value, path,
			     strerror(-ret))
		   : 0;
}

int stoq_configfs_read(struct stoq_configfs_session *session, const char *folder,
	const char *attribute, char *value, size_t size)
{
	char path[STOQ_CONFIGFS_PATH_MAX];
	FILE *file;
	bool read;

	snprintf(path, sizeof(path), "%s/%s", folder, attribute);
	file = fopen(path, "re");
	read = file && fgets(value, (int)size, file);
	if (file)
		fclose(file);
	if (!read)
		return stoq_error_set(session->error, -EIO, "cannot read %s", path);
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

/* The journal is a file: believe only paths that this component can have made. */
static bool is_plausible(const struct stoq_configfs *fs, const char *path)
{
	size_t length = strlen(fs->root);

	return strncmp(path, fs->root, length) == 0 && !strstr(path, "/../") &&
	       (strncmp(path + length, "/nvmet/", 7) == 0 ||
		       strncmp(path + length, "/nullb/", 7) == 0);
}

static int remove_one(const struct stoq_configfs *fs, const char *path)
{
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(status.st_mode))
		return unlink(path) ? -errno : 0;
	if (fs->remove_folder(path) == 0)
		return 0;
	/* A host's entry may by now serve other subsystems: then it stays. */
	return errno == EBUSY && strstr(path, "/nvmet/hosts/") ? 0 : -errno;
}

int stoq_configfs_unmake_all(struct stoq_configfs_session *session)
{
	struct stoq_target_state *state = session->state;

	while (state->made_count) {
		const char *path = state->made[state->made_count - 1];
		int ret = is_plausible(session->fs, path) ? remove_one(session->fs, path) : -EPERM;

		if (ret)
			return stoq_error_set(
				session->error, ret, "cannot remove %s: %s", path, strerror(-ret));
		stoq_target_state_drop_made(state);
		ret = save(session);
		if (ret)
			return ret;
	}
	return 0;
}
