// SPDX-License-Identifier: BSD-2-Clause
#include "probe/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/units.h"
#include "probe/facts.h"
#include "probe/probe_private.h"

#define PATH_BYTES 512

ssize_t stoq_probe_read(const struct stoq_probe *probe, const char *path, char *text, size_t size)
{
	char whole[PATH_BYTES];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(whole, sizeof(whole), "%s%s", probe->root, path);
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (length < size - 1 && (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	if (length && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return (ssize_t)length;
}

int stoq_probe_read_number(const struct stoq_probe *probe, const char *path, uint64_t *value)
{
	char text[32];
	ssize_t length = stoq_probe_read(probe, path, text, sizeof(text));

	return length < 0 ? (int)length : stoq_parse_number(text, 0, UINT64_MAX, value);
}

bool stoq_probe_exists(const struct stoq_probe *probe, const char *path)
{
	char whole[PATH_BYTES];

	snprintf(whole, sizeof(whole), "%s%s", probe->root, path);
	return access(whole, F_OK) == 0;
}

/* Whether any line of a file, however long, is what is looked for. */
static bool any_line(const struct stoq_probe *probe, const char *path, const char *word,
	bool (*matches)(const char *line, const char *word))
{
	char whole[PATH_BYTES], *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", probe->root, path);
	file = fopen(whole, "re");
	if (!file)
		return false;
	while (!found && getline(&line, &size, file) > 0)
		found = matches(line, word);
	free(line);
	fclose(file);
	return found;
}

static bool contains(const char *line, const char *word)
{
	return strstr(line, word) != NULL;
}

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

bool stoq_probe_file_has(const struct stoq_probe *probe, const char *path, const char *word)
{
	return any_line(probe, path, word, contains);
}

bool stoq_probe_line_begins(const struct stoq_probe *probe, const char *path, const char *word)
{
	return any_line(probe, path, word, begins);
}

bool stoq_probe_release(const struct stoq_probe *probe, char *release, size_t size)
{
	struct utsname name;

	if (!stoq_probe_is_real(probe))
		return stoq_probe_read(probe, "/proc/sys/kernel/osrelease", release, size) > 0;
	if (uname(&name))
		return false;
	snprintf(release, size, "%s", name.release);
	return true;
}

void stoq_probe_not_mounted(struct stoq_probe *probe, const char *name, const char *what)
{
	char remedy[64];

	snprintf(remedy, sizeof(remedy), "mount -t %s%s %s /%s", what,
		strcmp(what, "sys") == 0 ? "fs" : "", what, what);
	stoq_probe_unknown(probe, name, remedy, "/%s is not mounted", what);
}
