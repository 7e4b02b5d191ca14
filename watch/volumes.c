// SPDX-License-Identifier: BSD-2-Clause
#include "watch/volumes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash_table.h"
#include "base/units.h"
#include "base/yaml.h"
#include "nvme/nvme_tcp.h"

/* "HOST\nSUBSYSTEM\nNSID"; what an entry leaves out is empty. No NQN has a newline. */
#define KEY_SIZE (2 * NVME_NQN_LENGTH * 4 + 32)

const char *const stoq_volume_label_names[STOQ_VOLUME_LABELS] = {"volume", "pod", "tenant"};

struct entry {
	char *key;
	struct stoq_volume volume;
	unsigned int line;
	UT_hash_handle hh;
};

struct stoq_volumes {
	char *path;
	struct entry *entries;
	struct stoq_file_stamp stamp, tried; /* of what is in use; of what could not be used */
	char noted[sizeof(((struct stoq_error *)0)->text)]; /* why the file cannot be used; "" */
};

static void free_entry(struct entry *entry)
{
	for (int i = 0; i < STOQ_VOLUME_LABELS; i++)
		free(entry->volume.labels[i]);
	free(entry->key);
	free(entry);
}

static void free_entries(struct entry **entries)
{
	struct entry *entry = *entries, *next;

	HASH_CLEAR(hh, *entries);
	for (; entry; entry = next) {
		next = entry->hh.next;
		free_entry(entry);
	}
}

static void write_key(char text[static KEY_SIZE], const struct stoq_volume_key *key)
{
	snprintf(text, KEY_SIZE, "%s\n%s\n%s", key->host ? key->host : "",
		key->subsystem ? key->subsystem : "", key->nsid ? key->nsid : "");
}

/* ---- the file ---- */

/* An entry while it is read: texts are the document's. */
struct reading {
	struct stoq_volume_key key;
	const char *labels[STOQ_VOLUME_LABELS];
	struct entry **entries;
};

static int take_nqn(const struct stoq_yaml_at *at, const char *key, const char **nqn)
{
	int ret = stoq_yaml_take_text(at, key, nqn);

	if (!ret && (!(*nqn)[0] || strlen(*nqn) >= NVME_NQN_LENGTH || strchr(*nqn, '\n')))
		ret = stoq_yaml_refuse(at,
			"%s: must be an NQN, or an address where metrics have one: 1 to %d bytes",
			key, NVME_NQN_LENGTH - 1);
	return ret;
}

static int take_host(const struct stoq_yaml_at *at, void *into)
{
	return take_nqn(at, "host", &((struct reading *)into)->key.host);
}

static int take_subsystem(const struct stoq_yaml_at *at, void *into)
{
	return take_nqn(at, "subsystem", &((struct reading *)into)->key.subsystem);
}

static int take_namespace(const struct stoq_yaml_at *at, void *into)
{
	const char **nsid = &((struct reading *)into)->key.nsid;
	uint64_t number;
	int ret = stoq_yaml_take_text(at, "namespace", nsid);

	/* As metrics write it: no zeros in front. */
	if (!ret && (stoq_parse_number(*nsid, 1, UINT32_MAX - 1, &number) || (*nsid)[0] == '0'))
		ret = stoq_yaml_refuse(at, "namespace: '%.40s' is not a number from 1", *nsid);
	return ret;
}

static int take_label(const struct stoq_yaml_at *at, int label, struct reading *reading)
{
	const char *name = stoq_volume_label_names[label];
	int ret = stoq_yaml_take_text(at, name, &reading->labels[label]);

	if (!ret && strlen(reading->labels[label]) > STOQ_VOLUMES_LABEL_MAX)
		ret = stoq_yaml_refuse(at, "%s: at most %d bytes", name, STOQ_VOLUMES_LABEL_MAX);
	return ret;
}

static int take_volume(const struct stoq_yaml_at *at, void *into)
{
	return take_label(at, 0, into);
}

static int take_pod(const struct stoq_yaml_at *at, void *into)
{
	return take_label(at, 1, into);
}

static int take_tenant(const struct stoq_yaml_at *at, void *into)
{
	return take_label(at, 2, into);
}

static struct entry *new_entry(const struct reading *reading, const char *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	bool whole = entry && (entry->key = strdup(key));

	for (int i = 0; whole && i < STOQ_VOLUME_LABELS; i++) {
		entry->volume.labels[i] = strdup(reading->labels[i] ? reading->labels[i] : "");
		whole = entry->volume.labels[i];
	}
	if (whole || !entry)
		return entry;
	free_entry(entry);
	return NULL;
}

static int add_entry(const struct stoq_yaml_at *at, struct reading *reading)
{
	char key[KEY_SIZE];
	struct entry *entry;

	write_key(key, &reading->key);
	HASH_FIND_STR(*reading->entries, key, entry);
	if (entry)
		return stoq_yaml_refuse(at,
			"the same host, subsystem and namespace are in line %u already",
			entry->line);
	if (HASH_COUNT(*reading->entries) == STOQ_VOLUMES_MAX)
		return stoq_yaml_refuse(at, "at most %d entries", STOQ_VOLUMES_MAX);
	entry = new_entry(reading, key);
	if (!entry)
		return stoq_error_set(
			at->error, -ENOMEM, "no memory for the labels of %.200s", at->yaml->file);
	entry->line = (unsigned int)at->node->start_mark.line + 1;
	HASH_ADD_KEYPTR(hh, *reading->entries, entry->key, strlen(entry->key), entry);
	return 0;
}

static int take_entry(const struct stoq_yaml_at *at, void *into)
{
	static const struct stoq_yaml_key keys[] = {{"host", take_host},
		{"subsystem", take_subsystem}, {"namespace", take_namespace},
		{"volume", take_volume}, {"pod", take_pod}, {"tenant", take_tenant}, {NULL, NULL}};
	struct reading reading = {.entries = into};
	int ret = stoq_yaml_take_keys(at, keys, &reading);

	if (!ret && !reading.key.host && !reading.key.subsystem)
		ret = stoq_yaml_refuse(
			at, "a host or a subsystem is needed: an NSID alone names nothing");
	if (!ret && !reading.labels[0] && !reading.labels[1] && !reading.labels[2])
		ret = stoq_yaml_refuse(at, "a volume, a pod or a tenant is needed");
	return ret ? ret : add_entry(at, &reading);
}

static int take_version(const struct stoq_yaml_at *at, void *into)
{
	const char *text;
	int ret = stoq_yaml_take_text(at, "version", &text);

	if (!ret && strcmp(text, "1") != 0)
		ret = stoq_yaml_refuse(at, "version: '%.40s' is not 1", text);
	return ret;
}

static int take_entries(const struct stoq_yaml_at *at, void *into)
{
	return stoq_yaml_each_item(at, "labels", take_entry, into);
}

/* *entries: all of them, or none if it fails. */
static int read_file(struct entry **entries, const char *path, struct stoq_error *error)
{
	static const struct stoq_yaml_kind kind = {"a label file", "version: 1"};
	static const struct stoq_yaml_key keys[] = {
		{"version", take_version}, {"labels", take_entries}, {NULL, NULL}};
	struct stoq_yaml_at root;
	struct stoq_yaml yaml;
	size_t size;
	char *text;
	int ret = stoq_file_read_text(
		&text, &size, STOQ_VOLUMES_FILE_MAX, "the label file", path, error);

	*entries = NULL;
	if (ret)
		return ret;
	ret = stoq_yaml_parse(&yaml, &kind, path, text, size, error);
	free(text);
	if (ret)
		return ret;
	root = stoq_yaml_root(&yaml, error);
	ret = stoq_yaml_take_keys(&root, keys, entries);
	stoq_yaml_free(&yaml);
	if (ret)
		free_entries(entries);
	return ret;
}

/* ---- the whole ---- */

int stoq_volumes_open(struct stoq_volumes **volumes, const char *path, struct stoq_error *error)
{
	struct stoq_volumes *opened = calloc(1, sizeof(*opened));
	int ret;

	if (!opened || !(opened->path = strdup(path))) {
		free(opened);
		return stoq_error_set(error, -ENOMEM, "no memory for labels");
	}
	opened->stamp = stoq_file_stamp(path);
	ret = read_file(&opened->entries, path, error);
	if (ret)
		stoq_volumes_close(opened);
	else
		*volumes = opened;
	return ret;
}

void stoq_volumes_close(struct stoq_volumes *volumes)
{
	if (!volumes)
		return;
	free_entries(&volumes->entries);
	free(volumes->path);
	free(volumes);
}

static bool note(struct stoq_volumes *volumes, struct stoq_error *error, const char *why)
{
	struct stoq_error news = *error;

	if (why[0] && strcmp(volumes->noted, why) == 0)
		return false;
	snprintf(volumes->noted, sizeof(volumes->noted), "%s", why);
	(void)stoq_error_set(error, news.code, "%s%.600s",
		why[0] ? "the label file was not read again, what was in use stays: "
		       : "the label file was read again",
		volumes->noted);
	return true;
}

bool stoq_volumes_refresh(struct stoq_volumes *volumes, struct stoq_error *error)
{
	struct stoq_file_stamp stamp = stoq_file_stamp(volumes->path);
	struct stoq_error why = {0};
	struct entry *entries;

	*error = (struct stoq_error){0};
	if (stoq_file_stamp_equal(&stamp, &volumes->stamp))
		return volumes->noted[0] && note(volumes, error, "");
	if (volumes->noted[0] && stoq_file_stamp_equal(&stamp, &volumes->tried))
		return false;
	if (read_file(&entries, volumes->path, &why)) {
		volumes->tried = stamp;
		error->code = why.code;
		return note(volumes, error, why.text);
	}
	free_entries(&volumes->entries);
	volumes->entries = entries;
	volumes->stamp = stamp;
	return note(volumes, error, "");
}

const struct stoq_volume *stoq_volumes_find(
	const struct stoq_volumes *volumes, const struct stoq_volume_key *key)
{
	char text[KEY_SIZE];

	for (int without = 0; without < 7; without++) {
		const struct stoq_volume_key tried = {
			without & 4 ? NULL : key->host,
			without & 2 ? NULL : key->subsystem,
			without & 1 ? NULL : key->nsid,
		};
		struct entry *entry;

		write_key(text, &tried);
		HASH_FIND_STR(volumes->entries, text, entry);
		if (entry)
			return &entry->volume;
	}
	return NULL;
}

size_t stoq_volumes_count(const struct stoq_volumes *volumes)
{
	return HASH_COUNT(volumes->entries);
}

bool stoq_volumes_is_current(const struct stoq_volumes *volumes)
{
	return !volumes->noted[0];
}
