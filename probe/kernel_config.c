// SPDX-License-Identifier: BSD-2-Clause

/* What the kernel was built with: its own word in /proc/config.gz, or the file its package
 * installed. */
#include "probe/kernel_config.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "probe/probe_private.h"

#define LINE_BYTES 256

/* "CONFIG_X=y" or "=m"; what is not set stands in a comment, or is not there. */
static enum stoq_probe_option value_of(const char *line, const char *option)
{
	size_t length = strlen(option);

	if (strncmp(line, option, length) != 0 || line[length] != '=')
		return STOQ_PROBE_OPTION_OFF;
	return line[length + 1] == 'm' ? STOQ_PROBE_OPTION_MODULE : STOQ_PROBE_OPTION_ON;
}

/* gzopen() reads files that are not compressed as they are. */
static enum stoq_probe_option search(gzFile file, const char *option)
{
	enum stoq_probe_option found = STOQ_PROBE_OPTION_OFF;
	bool begins = true, is_config = false;
	char line[LINE_BYTES];
	int trouble = Z_OK;

	while (found == STOQ_PROBE_OPTION_OFF && gzgets(file, line, sizeof(line))) {
		/* Of a line that is longer than the buffer only the beginning counts. */
		if (begins)
			found = value_of(line, option);
		is_config |= begins && strncmp(line, "CONFIG_", 7) == 0;
		begins = strchr(line, '\n') != NULL;
	}
	if (found != STOQ_PROBE_OPTION_OFF)
		return found;
	/* What is not in a file that is empty or cut off may be set all the same. */
	gzerror(file, &trouble);
	return is_config && trouble == Z_OK ? found : STOQ_PROBE_OPTION_UNKNOWN;
}

enum stoq_probe_option stoq_probe_kernel_option(const struct stoq_probe *probe, const char *release,
	const char *option, char origin[static STOQ_PROBE_ORIGIN_BYTES])
{
	/* The last: where Fedora and others have it, whose /boot may not be mounted. */
	static const struct {
		const char *before, *behind;
		bool by_release;
	} places[] = {{"/proc/config.gz", "", false}, {"/boot/config-", "", true},
		{"/lib/modules/", "/config", true}};
	enum stoq_probe_option found = STOQ_PROBE_OPTION_UNKNOWN;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		char path[STOQ_PROBE_ORIGIN_BYTES * 4];
		gzFile file;

		snprintf(origin, STOQ_PROBE_ORIGIN_BYTES, "%s%.96s%s", places[i].before,
			places[i].by_release ? release : "", places[i].behind);
		snprintf(path, sizeof(path), "%s%s", probe->root, origin);
		file = gzopen(path, "rbe");
		if (!file)
			continue;
		found = search(file, option);
		gzclose(file);
	}
	return found;
}
