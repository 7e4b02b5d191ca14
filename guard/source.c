// SPDX-License-Identifier: BSD-2-Clause
#include "guard/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard/compile.h"
#include "guard/limit.h"

/* Policies with other limits are other policies. */
static uint64_t hash_of_limits(const struct stoq_limit_installed *limits)
{
	return stoq_guard_hash((const uint8_t *)limits->limits, sizeof(limits->limits)) +
	       limits->match.hash;
}

/* Where the kernel gets it from, so that 3 MiB are not copied. What does not fit the tables is about all of the file. */
static int compile(
	struct stoq_guard_source *source, const char *path, struct stoq_guard_mistakes *mistakes)
{
	struct stoq_error why;
	int result;

	source->installed = calloc(1, sizeof(*source->installed));
	if (!source->installed) {
		mistakes->no_memory = true;
		return -ENOMEM;
	}
	source->compiled = &source->installed->policy;
	result = stoq_guard_compile_into(&source->policy, source->compiled, &why);
	if (!result)
		result = stoq_guard_limits_compile(&source->policy, &source->limits, &why);
	if (!result && source->limits)
		source->compiled->hash ^= hash_of_limits(source->limits);
	if (result)
		stoq_guard_mistakes_add(
			mistakes, 0, path, (struct stoq_guard_place){0, 0}, NULL, "%s", why.text);
	return result;
}

/* What a descriptor of this process is called; others have their own. */
static bool is_of_a_process(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

/*
 * Symbolic links stay as they are: the one that is changed to put another policy into place is looked at again for drift, and
 * what is included is looked for beside it, as now. What comes through a pipe is not found again: its name is no absolute path.
 */
static void take_path(char to[static STOQ_GUARD_FILE_PATH_BYTES], const char *path)
{
	char folder[STOQ_GUARD_FILE_PATH_BYTES / 2] = "";
	char *real = is_of_a_process(path) ? realpath(path, NULL) : NULL;
	struct stat about;

	if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
		snprintf(to, STOQ_GUARD_FILE_PATH_BYTES, "pipe:%s", path);
	else if (real)
		snprintf(to, STOQ_GUARD_FILE_PATH_BYTES, "%s", real);
	else if (path[0] != '/' && getcwd(folder, sizeof(folder)))
		snprintf(to, STOQ_GUARD_FILE_PATH_BYTES, "%s/%.2000s", folder, path);
	else
		snprintf(to, STOQ_GUARD_FILE_PATH_BYTES, "%s", path);
	free(real);
}

static int take(struct stoq_guard_source *source, const char *path,
	struct stoq_guard_mistakes *mistakes, struct stoq_error *error)
{
	int result;

	*source = (struct stoq_guard_source){0};
	take_path(source->path, path);
	result = stoq_guard_texts_read(&source->texts, "the policy", path, error);
	if (result)
		return result;
	result = stoq_guard_policy_parse_texts(
		&source->policy, path, &source->texts, true, mistakes);
	if (!result)
		result = compile(source, path, mistakes);
	if (result)
		stoq_guard_source_free(source);
	return result;
}

int stoq_guard_source_check(struct stoq_guard_source *source, const char *path,
	struct stoq_guard_mistakes *mistakes, struct stoq_error *error)
{
	int result = take(source, path, mistakes, error);

	if (!mistakes->total && !mistakes->no_memory)
		return result;
	return stoq_guard_mistakes_end(mistakes, path, true, error);
}

int stoq_guard_source_read(
	struct stoq_guard_source *source, const char *path, struct stoq_error *error)
{
	struct stoq_guard_mistakes mistakes = {0};
	int result = stoq_guard_source_check(source, path, &mistakes, error);

	stoq_guard_mistakes_free(&mistakes);
	return result;
}

void stoq_guard_source_free(struct stoq_guard_source *source)
{
	stoq_guard_texts_free(&source->texts);
	stoq_guard_policy_free(&source->policy);
	free(source->installed);
	free(source->limits);
	*source = (struct stoq_guard_source){0};
}
