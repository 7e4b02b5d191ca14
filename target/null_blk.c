// SPDX-License-Identifier: BSD-2-Clause
#include "target/null_blk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "target/clock.h"

#define DEVICES_MAX   1024
#define NODE_WAIT_MS  3000
#define IRQMODE_TIMER "2"

static int make_folder(
	struct stoq_configfs_session *session, char *folder, size_t size, unsigned int *number)
{
	int ret = -EEXIST;

	for (unsigned int i = 0; ret == -EEXIST && i < DEVICES_MAX; i++) {
		snprintf(folder, size, "%s/nullb/stoq%u", session->fs->root, i);
		ret = stoq_configfs_make(session, folder);
		*number = i;
	}
	if (ret == -EEXIST)
		return stoq_error_set(
			session->error, ret, "all %d null_blk devices are taken", DEVICES_MAX);
	return ret;
}

static int set_number(struct stoq_configfs_session *session, const char *folder,
	const char *attribute, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return stoq_configfs_write(session, folder, attribute, text);
}

static int set_up(struct stoq_configfs_session *session, const char *folder,
	const struct stoq_target_namespace *namespace, uint64_t delay_us)
{
	int ret = set_number(session, folder, "size", namespace->size_bytes >> 20);

	if (!ret)
		ret = set_number(session, folder, "blocksize", namespace->block_bytes);
	if (!ret && namespace->medium == STOQ_MEDIUM_MALLOC)
		ret = stoq_configfs_write(session, folder, "memory_backed", "1");
	if (!ret && delay_us)
		ret = stoq_configfs_write(session, folder, "irqmode", IRQMODE_TIMER);
	if (!ret && delay_us)
		ret = set_number(session, folder, "completion_nsec", delay_us * 1000);
	return ret ? ret : stoq_configfs_write(session, folder, "power", "1");
}

/* Newer kernels name the disk after the folder, older ones nullb and the device's index. */
static int find_node(struct stoq_configfs_session *session, const char *folder, unsigned int number,
	char *path, size_t size)
{
	uint64_t deadline_ns = stoq_clock_deadline_ns(NODE_WAIT_MS);
	char index[16];
	int ret = stoq_configfs_read(session, folder, "index", index, sizeof(index));

	if (ret)
		return ret;
	do {
		snprintf(path, size, "%s/stoq%u", session->fs->dev, number);
		if (access(path, F_OK) == 0)
			return 0;
		snprintf(path, size, "%s/nullb%s", session->fs->dev, index);
		if (access(path, F_OK) == 0)
			return 0;
		stoq_clock_sleep_ms(20);
	} while (stoq_clock_left_ms(deadline_ns));
	return stoq_error_set(session->error, -ENODEV,
		"null_blk's device did not appear: neither %s/stoq%u nor %s", session->fs->dev,
		number, path);
}

int stoq_null_blk_make(struct stoq_configfs_session *session,
	const struct stoq_target_namespace *namespace, uint64_t delay_us, char *path, size_t size)
{
	char folder[STOQ_CONFIGFS_PATH_MAX / 2];
	unsigned int number;
	int ret = make_folder(session, folder, sizeof(folder), &number);

	if (!ret)
		ret = set_up(session, folder, namespace, delay_us);
	return ret ? ret : find_node(session, folder, number, path, size);
}
