// SPDX-License-Identifier: BSD-2-Clause
#include "guard/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int read_all(int fd, const char *what, const char *path, size_t most,
	struct stoq_guard_text *text, struct stoq_error *error)
{
	int result = stoq_file_read_all(fd, text->text, most, &text->size);

	if (result == -EFBIG)
		return stoq_error_set(error, -EINVAL,
			"%s %.200s: more than %u KiB%s, which are never needed: is it the right file?",
			what, path, STOQ_GUARD_FILE_MAX >> 10,
			most < STOQ_GUARD_FILE_MAX ? " with the files before it" : "");
	if (result)
		return stoq_error_set(
			error, result, "cannot read %s %.200s: %s", what, path, strerror(-result));
	return 0;
}

/* Room for as much as the policy may still have, given back but for what is used. */
static int read_text(int fd, const char *what, const char *path, size_t most,
	struct stoq_guard_text *text, struct stoq_error *error)
{
	char *shorter;
	int result;

	text->text = malloc(most + 2);
	if (!text->text)
		return stoq_error_set(error, -ENOMEM, "not enough memory to read %.200s", path);
	result = read_all(fd, what, path, most, text, error);
	if (result) {
		free(text->text);
		return result;
	}
	text->text[text->size] = '\0';
	shorter = realloc(text->text, text->size + 1);
	if (shorter)
		text->text = shorter;
	return 0;
}

static bool is_there(const struct stoq_guard_texts *texts, const struct stoq_guard_text *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (texts->items[i].regular && texts->items[i].device == text->device &&
			texts->items[i].inode == text->inode)
			return true;
	return false;
}

/* What it is, and whether it may be there. */
static int identify(const struct stoq_guard_texts *texts, int fd, const char *what,
	const char *path, struct stoq_guard_text *text, struct stoq_error *error)
{
	struct stat about;

	if (fstat(fd, &about))
		return stoq_error_set(
			error, -errno, "cannot look at %s %.200s: %s", what, path, strerror(errno));
	*text = (struct stoq_guard_text){
		.regular = S_ISREG(about.st_mode), .device = about.st_dev, .inode = about.st_ino};
	if (!texts->count)
		return 0;
	if (!text->regular)
		return stoq_error_set(error, -EINVAL, "%s %.200s is no file", what, path);
	if (is_there(texts, text))
		return stoq_error_set(error, -EINVAL,
			"%s %.200s is read already: a file is included once, and never by itself",
			what, path);
	if (texts->count == STOQ_GUARD_FILES_MAX)
		return stoq_error_set(error, -EINVAL,
			"%s %.200s is one too many: a policy has at most %d files", what, path,
			STOQ_GUARD_FILES_MAX);
	return 0;
}

int stoq_guard_texts_read(struct stoq_guard_texts *texts, const char *what, const char *path,
	struct stoq_error *error)
{
	struct stoq_guard_text text = {0};
	/* A pipe that nobody writes to is not waited for where only a file can be. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | (texts->count ? O_NONBLOCK : 0)), result;

	if (fd < 0)
		return stoq_error_set(
			error, -errno, "cannot open %s %.200s: %s", what, path, strerror(errno));
	result = identify(texts, fd, what, path, &text, error);
	if (!result)
		result =
			read_text(fd, what, path, STOQ_GUARD_FILE_MAX - texts->bytes, &text, error);
	close(fd);
	if (result)
		return result;
	texts->items[texts->count++] = text;
	texts->bytes += text.size;
	return 0;
}

int stoq_guard_texts_add(struct stoq_guard_texts *texts, const char *text, size_t size)
{
	struct stoq_guard_text *item = &texts->items[texts->count];

	if (texts->count == STOQ_GUARD_FILES_MAX || size > STOQ_GUARD_FILE_MAX - texts->bytes)
		return -EINVAL;
	*item = (struct stoq_guard_text){.text = malloc(size + 1), .size = size};
	if (!item->text)
		return -ENOMEM;
	memcpy(item->text, text, size);
	item->text[size] = '\0';
	texts->count++;
	texts->bytes += size;
	return 0;
}

void stoq_guard_texts_free(struct stoq_guard_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i].text);
	*texts = (struct stoq_guard_texts){0};
}

bool stoq_guard_texts_equal(const struct stoq_guard_texts *a, const struct stoq_guard_texts *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (a->items[i].size != b->items[i].size ||
			memcmp(a->items[i].text, b->items[i].text, a->items[i].size) != 0)
			return false;
	return a->count == b->count;
}
