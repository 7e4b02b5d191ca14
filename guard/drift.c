// SPDX-License-Identifier: BSD-2-Clause
#include "guard/drift.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "guard/source.h"
#include "guard/view.h"

static bool has_other_mode(
	const struct stoq_guard_view *view, const struct stoq_guard_policy *policy)
{
	return policy->mode != STOQ_GUARD_MODE_NOT_NAMED &&
	       (policy->mode == STOQ_GUARD_MODE_AUDIT) != (view->manifest.audit != 0);
}

static enum stoq_guard_drift compare(
	const struct stoq_guard_view *view, const struct stoq_guard_source *source)
{
	const struct stoq_guard_in_force *in_force = &view->in_force;

	if (source->compiled->hash != in_force->installed->policy.hash ||
		has_other_mode(view, &source->policy))
		return STOQ_GUARD_DRIFT_DIFFERS;
	if (source->size != in_force->size ||
		memcmp(source->text, in_force->text, source->size) != 0)
		return STOQ_GUARD_DRIFT_TEXT;
	return STOQ_GUARD_DRIFT_NONE;
}

/* A policy may have come through a pipe: nothing can be read there again. */
static bool is_pipe(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

enum stoq_guard_drift stoq_guard_drift_find(
	const struct stoq_guard_view *view, struct stoq_error *error)
{
	const char *path = view->in_force.path;
	struct stoq_guard_source source;
	enum stoq_guard_drift drift;

	if (view->manifest.policy_format != STOQ_GUARD_POLICY_FORMAT || path[0] != '/' ||
		is_pipe(path))
		return STOQ_GUARD_DRIFT_UNKNOWN;
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
