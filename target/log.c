// SPDX-License-Identifier: BSD-2-Clause
#include "target/log.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINES_MAX  3
#define QUOTED_MAX 200
#define READ_MAX   16384

struct quote {
	char lines[LINES_MAX][QUOTED_MAX];
	size_t count; /* ever added; the last LINES_MAX are kept */
};

uint64_t stoq_log_position(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* Behind SPDK's "[2026-01-31 10:11:12.123456] ". */
static const char *skip_time(const char *line)
{
	const char *end;

	if (line[0] != '[' || line[1] < '0' || line[1] > '9')
		return line;
	end = strstr(line, "] ");
	return end ? end + 2 : line;
}

static bool is_complaint(const char *line)
{
	return strcasestr(line, "error") || strcasestr(line, "fail") || strcasestr(line, "cannot");
}

static void add_line(struct quote *quote, const char *line)
{
	snprintf(
		quote->lines[quote->count++ % LINES_MAX], QUOTED_MAX, "%.*s", QUOTED_MAX - 1, line);
}

static void join(const struct quote *quote, char *out, size_t size)
{
	size_t first = quote->count > LINES_MAX ? quote->count - LINES_MAX : 0, used = 0;

	out[0] = '\0';
	for (size_t i = first; i < quote->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i == first ? "" : "; ",
			quote->lines[i % LINES_MAX]);
}

void stoq_log_quote(const char *path, uint64_t position, char *out, size_t size)
{
	struct quote all = {.count = 0}, complaints = {.count = 0};
	uint64_t end = stoq_log_position(path);
	FILE *file = fopen(path, "re");
	char line[1024];

	out[0] = '\0';
	if (!file)
		return;
	if (end > READ_MAX && position < end - READ_MAX)
		position = end - READ_MAX;
	fseek(file, (long)position, SEEK_SET);
	while (fgets(line, sizeof(line), file)) {
		const char *text = skip_time(line);

		line[strcspn(line, "\n")] = '\0';
		if (!*text)
			continue;
		add_line(&all, text);
		if (is_complaint(text))
			add_line(&complaints, text);
	}
	fclose(file);
	join(complaints.count ? &complaints : &all, out, size);
}
