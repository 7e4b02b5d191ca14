// SPDX-License-Identifier: BSD-2-Clause
#include "join/render_json.h"

#include <string.h>

#include "flow/json_put.h"
#include "join/render.h"

#define SCHEMA_VERSION 1

static struct json_object *times(const struct stoq_histogram *histogram)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "sum", histogram->sum_ns);
	stoq_json_put_u64(object, "mean", stoq_histogram_mean_ns(histogram));
	stoq_json_put_u64(object, "p50", stoq_histogram_percentile_ns(histogram, 0.5));
	stoq_json_put_u64(object, "p95", stoq_histogram_percentile_ns(histogram, 0.95));
	stoq_json_put_u64(object, "p99", stoq_histogram_percentile_ns(histogram, 0.99));
	stoq_json_put_u64(object, "max", histogram->max_ns);
	return object;
}

static struct json_object *group(const struct stoq_join_group *item)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_identity(object, &item->identity);
	stoq_json_put_known(
		object, "nsid", item->identity.nsid >= 0, (uint64_t)item->identity.nsid);
	if (item->identity.opcode >= 0)
		stoq_json_put_opcode(object, item->identity.kind, (uint8_t)item->identity.opcode,
			item->identity.fctype < 0 ? 0 : (uint8_t)item->identity.fctype);
	stoq_json_put_u64(object, "commands", item->total.count);
	stoq_json_put(object, "total_ns", times(&item->total));
	stoq_json_put(object, "target_ns", times(&item->target));
	stoq_json_put(object, "between_ns", times(&item->between));
	return object;
}

static struct json_object *alone(const struct stoq_join_alone *counts)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "connection_not_in_other", counts->connection);
	stoq_json_put_u64(object, "connection_unknown", counts->nameless);
	stoq_json_put_u64(object, "outside", counts->outside);
	stoq_json_put_u64(object, "not_in_other", counts->missing);
	stoq_json_put_u64(object, "ambiguous", counts->ambiguous);
	stoq_json_put_u64(object, "different", counts->different);
	stoq_json_put_u64(object, "no_room", counts->crowded);
	stoq_json_put_u64(object, "longer_at_target", counts->longer);
	return object;
}

static struct json_object *record(
	const struct stoq_join *join, const struct stoq_join_names *names, enum stoq_join_side side)
{
	const struct stoq_record_notes *notes = &names->notes[side];
	struct json_object *object = json_object_new_object();

	stoq_json_put_foreign(object, "file", names->files[side], strlen(names->files[side]));
	stoq_json_put_foreign(object, "node", names->nodes[side], strlen(names->nodes[side]));
	stoq_json_put_u64(object, "commands", join->commands[side]);
	stoq_json_put_u64(object, "lost", notes->missed.lost);
	stoq_json_put_known(object, "violations", notes->checked, notes->violations);
	stoq_json_put_known(object, "overlaps", notes->checked, notes->overlaps);
	stoq_json_put_u64(object, "damaged_blocks", notes->damaged);
	stoq_json_put_bool(object, "begins_late", notes->begins_late);
	stoq_json_put_bool(object, "ends_early", notes->ends_early || notes->older_cut);
	stoq_json_put(object, "not_matched", alone(&join->alone[side]));
	return object;
}

static void put_join(struct json_object *object, const struct stoq_join *join,
	const struct stoq_join_names *names)
{
	struct json_object *groups = json_object_new_array();

	stoq_json_put_u64(object, "matched", stoq_join_matched(join));
	stoq_json_put(object, "host", record(join, names, STOQ_JOIN_HOST));
	stoq_json_put(object, "target", record(join, names, STOQ_JOIN_TARGET));
	stoq_json_put(object, "overall", group(&join->overall));
	for (size_t i = 0; i < join->group_count; i++)
		json_object_array_add(groups, group(&join->groups[i]));
	stoq_json_put(object, "groups", groups);
	stoq_json_put(object, "others", group(&join->others));
}

char *stoq_join_render_json(const struct stoq_join *join, const struct stoq_join_names *names)
{
	struct json_object *object = stoq_json_new_report("join", SCHEMA_VERSION);

	if (!object)
		return NULL;
	put_join(object, join, names);
	return stoq_json_finish(object);
}

char *stoq_join_render_live_json(const struct stoq_join *join, const struct stoq_join_names *names,
	const struct stoq_join_moment *moment)
{
	struct json_object *object = stoq_json_new_report(moment->type, SCHEMA_VERSION);
	struct json_object *waiting;

	if (!object)
		return NULL;
	waiting = json_object_new_object();
	stoq_json_put_time(object, moment->time_unix_ns);
	stoq_json_put_u64(object, "elapsed_ns", moment->elapsed_ns);
	stoq_json_put_u64(object, "interval_ns", moment->interval_ns);
	stoq_json_put_u64(waiting, "host", moment->waiting[STOQ_JOIN_HOST]);
	stoq_json_put_u64(waiting, "target", moment->waiting[STOQ_JOIN_TARGET]);
	stoq_json_put(object, "waiting", waiting);
	put_join(object, join, names);
	return stoq_json_finish(object);
}
