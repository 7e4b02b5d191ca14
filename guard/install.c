// SPDX-License-Identifier: BSD-2-Clause
#include "guard/install.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "guard/source.h"

#define READ_TURNS 16 /* a reader that meets so many reloads in a row gives up */

/*
 * What stands before the text of the policy's file in its map. Behind the text come those of the files that it includes, each
 * behind its size, of eight bytes. Earlier versions read the first text only.
 */
struct text_header {
	uint64_t generation; /* of the policy that it is the text of */
	uint64_t since_unix_ns;
	uint64_t size;
	char path[STOQ_GUARD_FILE_PATH_BYTES];
};

/* ---- putting it in force ---- */

static const char *item_of(char item[static 16], const char *what, uint32_t entry)
{
	snprintf(item, 16, "%s-%u", what, entry & 1);
	return item;
}

static int open_map(const struct stoq_guard_pins *pins, const char *what, uint32_t entry,
	struct stoq_error *error)
{
	char item[16];

	return stoq_guard_pins_open(pins, item_of(item, what, entry), false, error);
}

/* The map that holds the policy with this id, and which of the two entries it is. */
static int open_policy(const struct stoq_guard_pins *pins, uint32_t id, uint32_t *entry)
{
	for (*entry = 0; *entry < STOQ_GUARD_COUNTS_ENTRIES; ++*entry) {
		int fd = open_map(pins, "policy", *entry, NULL);

		if (fd >= 0 && stoq_guard_map_id(fd) == id)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

/* The id of the map with the policy in force; 0: there is none. */
int stoq_guard_in_force_id(
	const struct stoq_guard_pins *pins, uint32_t *id, struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(pins, "stoq_guard_policies", false, error), result;
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	*id = 0;
	result = bpf_map_lookup_elem(fd, &zero, id);
	close(fd);
	if (!result || result == -ENOENT)
		return 0;
	return stoq_error_set(
		error, result, "cannot read the policy in force: %s", strerror(-result));
}

/* Makes a map of one value, under a name. Its descriptor, or a negative errno. */
static int make_map(const struct stoq_guard_pins *pins, const char *what, uint32_t entry,
	enum bpf_map_type type, const void *value, size_t size)
{
	int fd = bpf_map_create(type, "stoq_policy", sizeof(uint32_t), (uint32_t)size, 1, NULL);
	uint32_t zero = 0;
	int result = fd;
	char item[16];

	if (fd < 0)
		return fd;
	if (value)
		result = bpf_map_update_elem(fd, &zero, value, BPF_ANY);
	if (result >= 0)
		result = stoq_guard_pins_add(pins, item_of(item, what, entry), fd, NULL);
	if (result >= 0)
		return fd;
	close(fd);
	return result;
}

static int put_into(const struct stoq_guard_pins *pins, const char *outer, uint32_t key, int fd)
{
	int outer_fd = stoq_guard_pins_open(pins, outer, true, NULL), result = outer_fd;

	if (outer_fd >= 0) {
		result = bpf_map_update_elem(outer_fd, &key, &fd, BPF_ANY);
		close(outer_fd);
	}
	return result;
}

static void put_texts(uint8_t *to, const struct stoq_guard_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		uint64_t size = texts->items[i].size;

		if (i) {
			memcpy(to, &size, sizeof(size));
			to += sizeof(size);
		}
		memcpy(to, texts->items[i].text, size);
		to += size;
	}
}

static int make_text(const struct stoq_guard_pins *pins,
	const struct stoq_guard_installed *installed, const struct stoq_guard_source *source)
{
	const struct stoq_guard_texts *texts = &source->texts;
	size_t size =
		sizeof(struct text_header) + texts->bytes + (texts->count - 1) * sizeof(uint64_t);
	struct text_header *header = calloc(1, size);
	int fd = -ENOMEM;

	if (!header)
		return fd;
	header->generation = installed->generation;
	header->since_unix_ns = installed->generation;
	header->size = texts->items[0].size;
	memcpy(header->path, source->path, sizeof(header->path));
	put_texts((uint8_t *)(header + 1), texts);
	fd = make_map(pins, "text", installed->counts, BPF_MAP_TYPE_ARRAY, header, size);
	free(header);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int make_counts(const struct stoq_guard_pins *pins, uint32_t entry)
{
	int fd = make_map(pins, "counts", entry, BPF_MAP_TYPE_PERCPU_ARRAY, NULL,
		    sizeof(struct stoq_guard_counts)),
	    result;

	if (fd < 0)
		return fd;
	result = put_into(pins, "stoq_guard_counts", entry, fd);
	close(fd);
	return result;
}

static int make_policy(
	const struct stoq_guard_pins *pins, const struct stoq_guard_installed *installed)
{
	int fd = make_map(pins, "policy", installed->counts, BPF_MAP_TYPE_ARRAY, installed,
		    sizeof(*installed)),
	    result;

	if (fd < 0)
		return fd;
	result = put_into(pins, "stoq_guard_policies", 0, fd);
	close(fd);
	return result;
}

static int read_size(int fd, uint32_t *size)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	int result = bpf_obj_get_info_by_fd(fd, &info, &length);

	*size = info.value_size;
	return result;
}

/* The one value of a map, however long another stoq made it. The caller's to free(). */
static int read_value(int fd, void **value, uint32_t *size)
{
	uint32_t zero = 0;
	int result = read_size(fd, size);

	if (result)
		return result;
	*value = malloc(*size);
	result = *value ? bpf_map_lookup_elem(fd, &zero, *value) : -ENOMEM;
	if (result)
		free(*value);
	return result;
}

static int read_foreign_policy(int fd, struct stoq_guard_installed *installed)
{
	uint32_t size;
	void *value;
	int result = read_value(fd, &value, &size);

	if (result)
		return result;
	memcpy(installed, value, size < sizeof(*installed) ? size : sizeof(*installed));
	free(value);
	return 0;
}

/*
 * Into a struct that is all 0: 3 MiB, which are not copied once more. Of the policy of another stoq's program only what stands
 * in front is to be believed.
 */
static int read_policy(int fd, struct stoq_guard_installed *installed)
{
	uint32_t size, zero = 0;
	int result = read_size(fd, &size);

	if (result)
		return result;
	result = size == sizeof(*installed) ? bpf_map_lookup_elem(fd, &zero, installed)
					    : read_foreign_policy(fd, installed);
	if (result)
		return result;
	return installed->policy.rule_count > STOQ_GUARD_RULES_MAX ? -EPROTO : 0;
}

/* The text that belongs to the policy in this entry, with its header; free() it after a 0. -EPROTO: it has none. */
static int read_text(const struct stoq_guard_pins *pins, uint32_t entry,
	struct text_header **header, uint32_t *size)
{
	int fd = open_map(pins, "text", entry, NULL), result;
	void *value;

	if (fd < 0)
		return fd;
	result = read_value(fd, &value, size);
	close(fd);
	if (result)
		return result;
	*header = value;
	if (*size >= sizeof(**header))
		return 0;
	free(value);
	return -EPROTO;
}

/* The generation of the policy in this entry. The text has it too, and is a few KiB where the
 * policy is 3 MiB. */
static int read_generation(const struct stoq_guard_pins *pins, uint32_t entry, uint64_t *generation)
{
	struct text_header *header;
	uint32_t size;
	int result = read_text(pins, entry, &header, &size);

	if (result)
		return result;
	*generation = header->generation;
	free(header);
	return 0;
}

/* Which entry is free, and which number no policy of this guard has had. */
static int choose(const struct stoq_guard_pins *pins, struct stoq_guard_installed *installed)
{
	uint32_t id, entry = 1;
	uint64_t generation = 0;
	int result = stoq_guard_in_force_id(pins, &id, NULL), fd;

	if (result)
		return result;
	fd = id ? open_policy(pins, id, &entry) : -ENOENT;
	if (fd >= 0) {
		close(fd);
		result = read_generation(pins, entry, &generation);
	}
	installed->counts = 1 - entry;
	/* A clock that was set back must not give a number again. */
	installed->generation = stoq_clock_unix_ns();
	if (installed->generation <= generation)
		installed->generation = generation + 1;
	return result;
}

/* The order matters to readers: what they look for is there before they are sent to it. */
int stoq_guard_install(const struct stoq_guard_pins *pins, const struct stoq_guard_source *source,
	struct stoq_error *error)
{
	struct stoq_guard_installed *installed = source->installed;
	int result = choose(pins, installed);

	if (!result)
		result = make_text(pins, installed, source);
	if (!result)
		result = make_counts(pins, installed->counts);
	if (!result)
		result = make_policy(pins, installed);
	if (!result)
		return 0;
	return stoq_error_set(error, result,
		"cannot put the policy in force: %s; what was in force before still is",
		strerror(-result));
}

/* ---- reading it ---- */

/* Those behind the first one. */
static int take_included(struct stoq_guard_texts *texts, const char *from, size_t left)
{
	int result = 0;

	while (!result && left) {
		uint64_t size;

		if (left < sizeof(size))
			return -EPROTO;
		memcpy(&size, from, sizeof(size));
		from += sizeof(size);
		left -= sizeof(size);
		if (size > left)
			return -EPROTO;
		result = stoq_guard_texts_add(texts, from, size);
		from += size;
		left -= size;
	}
	return result;
}

static int take_texts(struct stoq_guard_texts *texts, const struct text_header *header, size_t size)
{
	const char *first = (const char *)(header + 1);
	int result = stoq_guard_texts_add(texts, first, header->size);

	return result ? result : take_included(texts, first + header->size, size - header->size);
}

static int read_texts(
	const struct stoq_guard_pins *pins, uint32_t entry, struct stoq_guard_in_force *in_force)
{
	struct text_header *header;
	uint32_t size;
	int result = read_text(pins, entry, &header, &size);

	if (result)
		return result == -EPROTO ? -ESTALE : result;
	if (header->generation != in_force->installed->generation ||
		header->size > size - sizeof(*header))
		result = -ESTALE;
	if (!result) {
		in_force->since_unix_ns = header->since_unix_ns;
		memcpy(in_force->path, header->path, sizeof(in_force->path));
		in_force->path[sizeof(in_force->path) - 1] = '\0';
		result = take_texts(&in_force->texts, header, size - sizeof(*header));
	}
	free(header);
	return result;
}

/* What belongs to the policy with this id. */
static int read_parts(const struct stoq_guard_pins *pins, uint32_t id,
	struct stoq_guard_in_force *in_force, struct stoq_error *error)
{
	uint32_t entry;
	int fd = open_policy(pins, id, &entry), result;

	if (fd < 0)
		return -ESTALE;
	result = read_policy(fd, in_force->installed);
	close(fd);
	if (!result)
		result = read_texts(pins, entry, in_force);
	if (!result)
		in_force->counts_fd = open_map(pins, "counts", entry, error);
	return !result && in_force->counts_fd < 0 ? in_force->counts_fd : result;
}

/*
 * One attempt. -ESTALE: reloads came between. The second of them takes the names away that the
 * policy in force before the first one had.
 */
static int read_once(const struct stoq_guard_pins *pins, struct stoq_guard_in_force *in_force,
	struct stoq_error *error)
{
	uint32_t id, again;
	int result = stoq_guard_in_force_id(pins, &id, error);

	if (result)
		return result;
	if (!id)
		return -ENOENT;
	in_force->id = id;
	result = read_parts(pins, id, in_force, error);
	return stoq_guard_in_force_id(pins, &again, error) || again != id ? -ESTALE : result;
}

int stoq_guard_in_force_read(const struct stoq_guard_pins *pins,
	struct stoq_guard_in_force *in_force, struct stoq_error *error)
{
	int result = -ESTALE;

	for (int i = 0; result == -ESTALE && i < READ_TURNS; i++) {
		in_force->counts_fd = -1;
		in_force->texts = (struct stoq_guard_texts){0};
		in_force->installed = calloc(1, sizeof(*in_force->installed));
		result = in_force->installed ? read_once(pins, in_force, error) : -ENOMEM;
		if (result)
			stoq_guard_in_force_free(in_force);
	}
	if (!result)
		return 0;
	return stoq_error_set(error, result, "cannot read the policy in force of guard %s: %s",
		pins->name,
		result == -ENOENT   ? "there is none"
		: result == -ESTALE ? "it is being changed all the time; try again"
				    : strerror(-result));
}

void stoq_guard_in_force_free(struct stoq_guard_in_force *in_force)
{
	if (in_force->counts_fd >= 0)
		close(in_force->counts_fd);
	free(in_force->installed);
	stoq_guard_texts_free(&in_force->texts);
	in_force->counts_fd = -1;
	in_force->installed = NULL;
}

int stoq_guard_install_again(const struct stoq_guard_pins *pins, struct stoq_error *error)
{
	struct stoq_guard_in_force in_force = {.counts_fd = -1};
	struct stoq_guard_source source;
	int result = stoq_guard_in_force_read(pins, &in_force, error);

	if (!in_force.installed)
		return result;
	source = (struct stoq_guard_source){.texts = in_force.texts,
		.installed = in_force.installed,
		.compiled = &in_force.installed->policy};
	memcpy(source.path, in_force.path, sizeof(source.path));
	result = stoq_guard_install(pins, &source, error);
	stoq_guard_in_force_free(&in_force);
	return result;
}
