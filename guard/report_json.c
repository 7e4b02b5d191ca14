// SPDX-License-Identifier: BSD-2-Clause
#include "guard/report_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow/json_put.h"
#include "guard/print.h"
#include "guard/report.h"
#include "guard/report_event.h"
#include "guard/report_limits.h"
#include "guard/room.h"

static const char *const phases[] = {[STOQ_GUARD_MAKING] = "half made",
	[STOQ_GUARD_ON] = "on",
	[STOQ_GUARD_REPLACING] = "half replaced"};

static struct json_object *sides(const struct stoq_guard_status *status)
{
	static const char *const states[] = {
		[STOQ_KEEP_ATTACHED] = "attached",
		[STOQ_KEEP_BEHIND] = "behind another program",
		[STOQ_KEEP_GONE] = "not attached",
	};
	const struct stoq_guard_manifest *manifest = &status->view->manifest;
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < manifest->side_count; i++) {
		struct json_object *side = json_object_new_object();

		stoq_json_put_string(side, "interface", manifest->sides[i].interface);
		stoq_json_put_string(
			side, "direction", manifest->sides[i].ingress ? "ingress" : "egress");
		stoq_json_put_string(
			side, "attachment", stoq_attach_kind_name(manifest->sides[i].kind));
		stoq_json_put_string(side, "state", states[status->sides[i]]);
		json_object_array_add(list, side);
	}
	return list;
}

static void put_file(
	struct json_object *object, const struct stoq_guard_rule *rule, const char *path)
{
	const char *file = stoq_guard_rule_file(rule, path);

	stoq_json_put_foreign(object, "file", file, strlen(file));
}

static struct json_object *rules(const struct stoq_guard_status *status)
{
	const struct stoq_guard_view *view = status->view;
	struct json_object *list = json_object_new_array();
	char line[STOQ_GUARD_RULE_LINE];

	for (uint32_t i = 0; i < view->in_force.installed->policy.rule_count; i++) {
		struct json_object *rule = json_object_new_object();
		const char *name = NULL;

		stoq_json_put_u64(rule, "rule", i + 1);
		if (view->policy_known && i < view->policy.rule_count) {
			name = view->policy.rules[i].text->name;
			stoq_guard_rule_line(&view->policy, i, line);
			stoq_json_put_foreign(rule, "text", line, strlen(line));
			stoq_json_put_u64(rule, "line", view->policy.rules[i].line);
			put_file(rule, &view->policy.rules[i], view->in_force.path);
		}
		stoq_json_put_foreign(rule, "name", name ? name : "", name ? strlen(name) : 0);
		stoq_json_put_u64(rule, "decided", status->counts[i]);
		json_object_array_add(list, rule);
	}
	return list;
}

static struct json_object *totals(const struct stoq_guard_status *status, int first, int end)
{
	struct json_object *object = json_object_new_object();

	for (int i = first; i < end; i++)
		stoq_json_put_u64(
			object, stoq_guard_total_name((enum stoq_guard_total)i), status->totals[i]);
	return object;
}

static struct json_object *policy(const struct stoq_guard_status *status)
{
	const struct stoq_guard_in_force *in_force = &status->view->in_force;
	struct json_object *object = json_object_new_object();
	char hash[20];

	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)in_force->installed->policy.hash);
	stoq_json_put_foreign(object, "file", in_force->path, sizeof(in_force->path));
	stoq_json_put_string(object, "hash", hash);
	stoq_json_put_string(object, "drift", stoq_guard_drift_name(status->drift));
	stoq_json_put_u64(object, "since_unix_ns", in_force->since_unix_ns);
	stoq_json_put_bool(object, "strict", in_force->installed->policy.strict);
	stoq_json_put(object, "rules", rules(status));
	stoq_json_put_string(object, "default",
		stoq_guard_verdict_name(in_force->installed->policy.default_verdict));
	stoq_json_put_u64(object, "default_decided", status->counts[STOQ_GUARD_COUNT_DEFAULT]);
	return object;
}

static struct json_object *connections(const struct stoq_guard_status *status)
{
	const struct stoq_guard_room *room = &status->connections.room;
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "known", status->connections.known);
	stoq_json_put_u64(object, "unknown", status->connections.unknown);
	stoq_json_put_u64(object, "unfollowed", status->connections.unfollowed);
	stoq_json_put_u64(object, "in_use", room->used);
	stoq_json_put_u64(object, "max", stoq_guard_room_size(room));
	stoq_json_put_u64(object, "refused", room->refused);
	stoq_json_put_bool(object, "nearly_full", stoq_guard_room_is_short(room));
	return object;
}

char *stoq_guard_status_json(const struct stoq_guard_status *status)
{
	const struct stoq_guard_view *view = status->view;
	struct json_object *object = stoq_json_new_report("guard", STOQ_JSON_SCHEMA_VERSION);
	uint32_t phase = view->manifest.phase;

	if (!object)
		return NULL;
	stoq_json_put_string(object, "name", view->pins.name);
	stoq_json_put_string(object, "phase", phases[phase <= STOQ_GUARD_REPLACING ? phase : 1]);
	stoq_json_put_string(object, "mode", view->manifest.audit ? "audit" : "enforce");
	stoq_json_put_bool(object, "whole", stoq_guard_status_is_whole(status));
	stoq_json_put_string(object, "made_by", view->manifest.version);
	stoq_json_put_bool(
		object, "program_is_ours", !stoq_guard_manifest_is_foreign(&view->manifest));
	stoq_json_put_u64(object, "since_unix_ns", view->manifest.since_unix_ns);
	stoq_json_put(object, "policy", policy(status));
	stoq_json_put(object, "sides", sides(status));
	stoq_json_put(object, "connections", connections(status));
	stoq_json_put(object, "limits", stoq_guard_limits_status_json(view));
	stoq_json_put(object, "totals", totals(status, 0, STOQ_GUARD_DROP_NO_POLICY));
	stoq_json_put(
		object, "dropped", totals(status, STOQ_GUARD_DROP_NO_POLICY, STOQ_GUARD_TOTALS));
	stoq_json_put_u64(
		object, "log_last", __atomic_load_n(&view->state->log_last, __ATOMIC_RELAXED));
	return stoq_json_finish(object);
}
