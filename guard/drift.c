// SPDX-License-Identifier: BSD-2-Clause
#include "guard/drift.h"

#include <errno.h>
#include <sys/stat.h>

#include "guard/source.h"
#include "guard/view.h"

/* The mode is the program's, which `on --replace` exchanges, and no part of a compiled policy. */
static bool has_other_mode(
	const struct stoq_guard_view *view, const struct stoq_guard_policy *policy)
{
	return policy->mode != STOQ_GUARD_MODE_NOT_NAMED &&
	       (policy->mode == STOQ_GUARD_MODE_AUDIT) != (view->manifest.audit != 0);
}

/*
 * Whether all files are what they were, byte by byte: then nothing needs to be parsed and compiled, for the texts in force were
 * parsed already. Names in them are relative to the policy's path, which did not change.
 */
static bool is_same(const struct stoq_guard_view *view)
{
	const struct stoq_guard_texts *in_force = &view->in_force.texts;
	struct stoq_guard_texts now = {.count = 0};
	bool same = view->policy_known && !has_other_mode(view, &view->policy);

	for (size_t i = 0; same && i < in_force->count; i++) {
		const char *path = stoq_guard_policy_file(&view->policy, i);

		same = path && stoq_guard_texts_read(&now, "the policy", path, NULL) == 0;
	}
	same = same && stoq_guard_texts_equal(&now, in_force);
	stoq_guard_texts_free(&now);
	return same;
}

static enum stoq_guard_drift compare(
	const struct stoq_guard_view *view, const struct stoq_guard_source *source)
{
	const struct stoq_guard_in_force *in_force = &view->in_force;

	if (source->compiled->hash != in_force->installed->policy.hash ||
		has_other_mode(view, &source->policy))
		return STOQ_GUARD_DRIFT_DIFFERS;
	return stoq_guard_texts_equal(&source->texts, &in_force->texts) ? STOQ_GUARD_DRIFT_NONE
									: STOQ_GUARD_DRIFT_TEXT;
}

/* What is no file any more is not read: a pipe would be waited for. */
static int check_file(const char *path, struct stoq_error *error)
{
	struct stat about;

	if (stat(path, &about) || S_ISREG(about.st_mode))
		return 0;
	return stoq_error_set(error, -EINVAL, "%.200s is no regular file", path);
}

enum stoq_guard_drift stoq_guard_drift_find(
	const struct stoq_guard_view *view, struct stoq_error *error)
{
	const char *path = view->in_force.path;
	struct stoq_guard_source source;
	enum stoq_guard_drift drift;

	/* It came through a pipe: nothing can be read there again. */
	if (view->manifest.policy_format != STOQ_GUARD_POLICY_FORMAT || path[0] != '/')
		return STOQ_GUARD_DRIFT_UNKNOWN;
	if (check_file(path, error))
		return STOQ_GUARD_DRIFT_BROKEN;
	if (is_same(view))
		return STOQ_GUARD_DRIFT_NONE;
	if (stoq_guard_source_read(&source, path, error))
		return STOQ_GUARD_DRIFT_BROKEN;
	drift = compare(view, &source);
	stoq_guard_source_free(&source);
	return drift;
}

const char *stoq_guard_drift_name(enum stoq_guard_drift drift)
{
	static const char *const names[STOQ_GUARD_DRIFTS] = {
		[STOQ_GUARD_DRIFT_NONE] = "none",
		[STOQ_GUARD_DRIFT_TEXT] = "text",
		[STOQ_GUARD_DRIFT_DIFFERS] = "differs",
		[STOQ_GUARD_DRIFT_BROKEN] = "broken",
		[STOQ_GUARD_DRIFT_UNKNOWN] = "unknown",
	};

	return names[drift];
}
