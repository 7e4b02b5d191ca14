// SPDX-License-Identifier: BSD-2-Clause
#include "guard/source.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard/compile.h"

/* What does not fit the tables has no line: it is about all of the file. */
static int compile(struct stoq_guard_source *source, const char *path, struct stoq_error *error)
{
	struct stoq_error why;
	int result = stoq_guard_compile(&source->policy, &source->compiled, &why);

	return result ? stoq_error_set(error, result, "%.200s: %s", path, why.text) : 0;
}

int stoq_guard_source_read(
	struct stoq_guard_source *source, const char *path, struct stoq_error *error)
{
	char *absolute = realpath(path, NULL);
	int result;

	*source = (struct stoq_guard_source){0};
	snprintf(source->path, sizeof(source->path), "%s", absolute ? absolute : path);
	free(absolute);
	result = stoq_guard_policy_read_text(
		&source->text, &source->size, "the policy", path, error);
	if (!result)
		result = stoq_guard_policy_parse(
			&source->policy, path, source->text, source->size, error);
	if (!result)
		result = compile(source, path, error);
	if (result)
		stoq_guard_source_free(source);
	return result;
}

void stoq_guard_source_free(struct stoq_guard_source *source)
{
	free(source->text);
	stoq_guard_policy_free(&source->policy);
	free(source->compiled);
	*source = (struct stoq_guard_source){0};
}
