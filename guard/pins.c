// SPDX-License-Identifier: BSD-2-Clause
#include "guard/pins.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/lock.h"

#define BPFFS "/sys/fs/bpf"

/* Turning a guard on takes seconds on a busy machine; a stopped process keeps the lock for good. */
#define LOCK_WAIT_NS 60000000000ull
#define DOT_IN_PIN   ':' /* bpffs reserves the dot */

/* ---- names ---- */

int stoq_guard_pins_init(struct stoq_guard_pins *pins, const char *name, struct stoq_error *error)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			length = 0;
	if (length == 0 || length > STOQ_GUARD_NAME_MAX)
		return stoq_error_set(error, -EINVAL,
			"a guard's name has 1 to %d letters, digits, '-', '_' and '.', not '%.40s'",
			STOQ_GUARD_NAME_MAX, name);
	snprintf(pins->name, sizeof(pins->name), "%s", name);
	snprintf(pins->folder, sizeof(pins->folder), STOQ_GUARD_PINS "/%s", name);
	for (char *dot = pins->folder; (dot = strchr(dot, '.'));)
		*dot = DOT_IN_PIN;
	return 0;
}

const char *stoq_guard_pins_path(const struct stoq_guard_pins *pins, const char *item,
	char path[static STOQ_GUARD_PATH_BYTES])
{
	snprintf(path, STOQ_GUARD_PATH_BYTES, "%.70s/%.50s", pins->folder, item);
	return path;
}

/* ---- the folder above all ---- */

/* In a mount namespace of its own, a bpffs mounted there would go with it. */
static bool has_own_mounts(void)
{
	struct stat ours, first;

	return stat("/proc/self/ns/mnt", &ours) == 0 && stat("/proc/1/ns/mnt", &first) == 0 &&
	       ours.st_ino != first.st_ino;
}

static int check_bpffs(struct stoq_error *error)
{
	struct statfs about;

	if (statfs(BPFFS, &about) == 0 && about.f_type == BPF_FS_MAGIC)
		return 0;
	return stoq_error_set(error, -EOPNOTSUPP,
		"no BPF file system is mounted on " BPFFS ", where a guard keeps its program; %s",
		has_own_mounts()
			? "this process has mounts of its own, as `ip netns exec` makes them: "
			  "use `nsenter --net=/run/netns/NAME stoq guard ...` instead"
			: "mount it: mount -t bpf bpf " BPFFS);
}

/* How the sentence ends about what could not be done to a folder. */
static const char *remedy(int result)
{
	return result == -EACCES || result == -EPERM ? "; run as root" : "";
}

static int make_folder(const char *path, struct stoq_error *error)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return stoq_error_set(
		error, -errno, "cannot make %s: %s%s", path, strerror(errno), remedy(-errno));
}

int stoq_guard_pins_lock(bool create, int *lock, struct stoq_error *error)
{
	int result = check_bpffs(error), fd;

	if (!result && create)
		result = make_folder(BPFFS "/stoq", error);
	if (!result && create)
		result = make_folder(STOQ_GUARD_PINS, error);
	if (result)
		return result;
	fd = open(STOQ_GUARD_PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	result = fd < 0 ? -errno : stoq_lock_wait(fd, STOQ_GUARD_PINS, LOCK_WAIT_NS, error);
	if (!result) {
		*lock = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && result == -ETIMEDOUT)
		return result;
	if (result == -ENOENT)
		return stoq_error_set(
			error, result, "no guard is on: there is no " STOQ_GUARD_PINS);
	return stoq_error_set(error, result, "cannot lock " STOQ_GUARD_PINS ": %s%s",
		strerror(-result), remedy(result));
}

/* ---- an instance's folder ---- */

bool stoq_guard_pins_exist(const struct stoq_guard_pins *pins)
{
	struct stat about;

	return stat(pins->folder, &about) == 0;
}

int stoq_guard_pins_make(const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	return make_folder(pins->folder, error);
}

/* Each name in a folder but . and .. */
static int each(const char *folder, void (*told)(void *context, const char *name), void *context)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			told(context, entry->d_name);
	closedir(directory);
	return 0;
}

struct removal {
	const struct stoq_guard_pins *pins;
	const char *prefix; /* of the names to remove */
	int result;
};

static void remove_item(void *context, const char *item)
{
	struct removal *removal = context;
	char path[STOQ_GUARD_PATH_BYTES];

	if (strncmp(item, removal->prefix, strlen(removal->prefix)) != 0)
		return;
	if (unlink(stoq_guard_pins_path(removal->pins, item, path)) && errno != ENOENT)
		removal->result = -errno;
}

int stoq_guard_pins_items(const struct stoq_guard_pins *pins,
	void (*told)(void *context, const char *name), void *context)
{
	return each(pins->folder, told, context);
}

int stoq_guard_pins_remove_some(const struct stoq_guard_pins *pins, const char *prefix)
{
	struct removal removal = {.pins = pins, .prefix = prefix};
	int result = each(pins->folder, remove_item, &removal);

	return result ? result : removal.result;
}

int stoq_guard_pins_remove(const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	int result = stoq_guard_pins_remove_some(pins, "");

	if (!result && rmdir(pins->folder))
		result = -errno;
	if (!result || result == -ENOENT)
		return 0;
	return stoq_error_set(
		error, result, "cannot remove %s: %s", pins->folder, strerror(-result));
}

int stoq_guard_pins_add(
	const struct stoq_guard_pins *pins, const char *item, int fd, struct stoq_error *error)
{
	char path[STOQ_GUARD_PATH_BYTES];
	int result;

	stoq_guard_pins_path(pins, item, path);
	unlink(path);
	result = bpf_obj_pin(fd, path);
	if (!result)
		return 0;
	return stoq_error_set(error, result, "cannot give %s a name: %s", path, strerror(-result));
}

int stoq_guard_pins_open(
	const struct stoq_guard_pins *pins, const char *item, bool write, struct stoq_error *error)
{
	LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = write ? 0 : BPF_F_RDONLY);
	char path[STOQ_GUARD_PATH_BYTES];
	int fd = bpf_obj_get_opts(stoq_guard_pins_path(pins, item, path), &options);

	if (fd >= 0)
		return fd;
	return stoq_error_set(error, fd, "cannot open %s: %s%s", path, strerror(-fd),
		fd == -EPERM || fd == -EACCES ? "; run as root, or with CAP_BPF and the right to "
						"read that folder (CAP_DAC_READ_SEARCH)"
					      : "");
}

int stoq_guard_pins_read(const struct stoq_guard_pins *pins, const char *item, void *value,
	size_t bytes, struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(pins, item, false, error), result;
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info), zero = 0;

	if (fd < 0)
		return fd;
	result = bpf_obj_get_info_by_fd(fd, &info, &length);
	if (!result && info.value_size != bytes)
		result = -EPROTO;
	else if (!result)
		result = bpf_map_lookup_elem(fd, &zero, value);
	close(fd);
	if (result && result != -EPROTO)
		stoq_error_set(error, result, "cannot read %s of guard %s: %s", item, pins->name,
			strerror(-result));
	return result;
}

uint32_t stoq_guard_map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

struct names {
	void (*told)(void *context, const char *name);
	void *context;
};

static void list_instance(void *context, const char *name)
{
	const struct names *names = context;
	char text[STOQ_GUARD_NAME_MAX + 1];

	snprintf(text, sizeof(text), "%.*s", STOQ_GUARD_NAME_MAX, name);
	for (char *dot = text; (dot = strchr(dot, DOT_IN_PIN));)
		*dot = '.';
	names->told(names->context, text);
}

int stoq_guard_pins_list(void (*told)(void *context, const char *name), void *context)
{
	struct names names = {.told = told, .context = context};
	int result = each(STOQ_GUARD_PINS, list_instance, &names);

	return result == -ENOENT ? 0 : result;
}
