// SPDX-License-Identifier: BSD-2-Clause
#include "watch/render_json.h"

#include "flow/json_put.h"
#include "flow/label.h"
#include "flow/stages.h"
#include "flow/text.h"
#include "flow/violations.h"
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"
#include "watch/filter.h"
#include "watch/threshold.h"

/* What an object is about: the last interval, or everything since the start. */
struct period {
	const struct stoq_model *model;
	bool whole;
	bool histograms;
	uint64_t length_ns;
};

static const char *const counter_names[STOQ_COUNTERS] = {
	[STOQ_COUNT_PACKETS] = "packets",
	[STOQ_COUNT_NVME_PACKETS] = "nvme_packets",
	[STOQ_COUNT_FLOWS_NEW] = "flows_new",
	[STOQ_COUNT_FLOWS_FULL] = "flows_full",
	[STOQ_COUNT_CONTENDED] = "contended_packets",
	[STOQ_COUNT_MALFORMED] = "malformed_packets",
	[STOQ_COUNT_FRAGMENTS] = "ip_fragments",
	[STOQ_COUNT_PDU_LIMIT] = "pdu_limit",
	[STOQ_COUNT_SERIES_FULL] = "series_full",
	[STOQ_COUNT_EVENTS_LOST] = "events_lost",
	[STOQ_COUNT_EARLY] = "early_segments",
	[STOQ_COUNT_EARLY_FULL] = "early_segments_full",
	[STOQ_COUNT_GIVEN_UP] = "gaps_given_up",
	[STOQ_COUNT_NEGOTIATIONS_FAILED] = "negotiations_failed",
	[STOQ_COUNT_HANDSHAKES_FAILED] = "tls_handshakes_failed",
	[STOQ_COUNT_COURSES_FULL] = "stages_lost",
	[STOQ_COUNT_CHECKS_FULL] = "checks_lost",
};

static const struct {
	const char *key;
	double fraction;
} percentiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99_9", 0.999}};

/* [lower, upper, count]; an upper bound of UINT64_MAX is none. */
static void add_bucket(
	struct json_object *list, uint64_t lower_ns, uint64_t upper_ns, uint64_t count)
{
	struct json_object *bucket = json_object_new_array_ext(3);

	if (!bucket)
		return;
	json_object_array_add(bucket, json_object_new_uint64(lower_ns));
	json_object_array_add(
		bucket, upper_ns < UINT64_MAX ? json_object_new_uint64(upper_ns) : NULL);
	json_object_array_add(bucket, json_object_new_uint64(count));
	json_object_array_add(list, bucket);
}

static struct json_object *histogram_buckets(const struct stoq_histogram *histogram)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; list && i < STOQ_LATENCY_BUCKETS; i++)
		if (histogram->buckets[i])
			add_bucket(list, stoq_histogram_lower_ns(i), stoq_histogram_upper_ns(i),
				histogram->buckets[i]);
	return list;
}

static struct json_object *stage_buckets(const struct stoq_stage_series *stage)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; list && i < STOQ_STAGE_BUCKETS; i++)
		if (stage->buckets[i])
			add_bucket(list, stoq_stage_lower_ns(i), stoq_stage_upper_ns(i),
				stage->buckets[i]);
	return list;
}

static struct json_object *stage_object(const struct stoq_stage_series *stage, bool buckets)
{
	struct json_object *object = json_object_new_object();
	bool known = stage->commands;

	stoq_json_put_u64(object, "count", stage->commands);
	stoq_json_put_u64(object, "sum", stage->sum_ns);
	stoq_json_put_known(object, "mean", known, known ? stage->sum_ns / stage->commands : 0);
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		stoq_json_put_known(object, percentiles[i].key, known,
			stoq_stage_percentile_ns(stage, percentiles[i].fraction));
	stoq_json_put_known(object, "max", known, stage->max_ns);
	if (buckets)
		stoq_json_put(object, "histogram", stage_buckets(stage));
	return object;
}

static struct json_object *stages(const struct stoq_statistics *statistics, bool buckets)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < STOQ_STAGES; i++)
		stoq_json_put(object, stoq_stage_name((enum stoq_stage)i),
			stage_object(&statistics->stages[i], buckets));
	return object;
}

static struct json_object *latency(const struct stoq_histogram *histogram, bool buckets)
{
	struct json_object *object = json_object_new_object();
	bool known = histogram->count;

	stoq_json_put_u64(object, "count", histogram->count);
	stoq_json_put_known(object, "mean", known, stoq_histogram_mean_ns(histogram));
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
		stoq_json_put_known(object, percentiles[i].key, known,
			stoq_histogram_percentile_ns(histogram, percentiles[i].fraction));
	stoq_json_put_known(object, "max", known, histogram->max_ns);
	if (buckets)
		stoq_json_put(object, "histogram", histogram_buckets(histogram));
	return object;
}

static void put_statistics(
	struct json_object *object, const struct period *period, const struct stoq_group *group)
{
	const struct stoq_statistics *statistics = period->whole ? &group->total : &group->interval;

	stoq_json_put_u64(object, "commands", statistics->commands);
	stoq_json_put_u64(object, "errors", statistics->errors);
	stoq_json_put_u64(object, "bytes", statistics->bytes);
	stoq_json_put_rate(object, "iops", stoq_text_rate(statistics->commands, period->length_ns));
	stoq_json_put_rate(
		object, "bytes_per_second", stoq_text_rate(statistics->bytes, period->length_ns));
	stoq_json_put_u64(object, "outstanding", group->outstanding);
	stoq_json_put(object, "latency_ns", latency(&statistics->latency, period->histograms));
	stoq_json_put(object, "stages_ns",
		period->model->staged ? stages(statistics, period->histograms) : NULL);
}

/* What only some axes tell apart: namespace and opcode. */
static void put_group_identity(struct json_object *object, const struct stoq_identity *identity)
{
	stoq_json_put_identity(object, identity);
	stoq_json_put_known(object, "nsid", identity->nsid >= 0, (uint64_t)identity->nsid);
	stoq_json_put_known(object, "size", identity->size >= 0,
		identity->size > 0 ? 1ull << (identity->size - 1) : 0);
	if (identity->opcode >= 0) {
		stoq_json_put_opcode(object, identity->kind, (uint8_t)identity->opcode,
			identity->fctype >= 0 ? (uint8_t)identity->fctype : 0);
		return;
	}
	stoq_json_put_string(
		object, "queue", identity->qid >= 0 ? stoq_json_queue_kind(identity->kind) : NULL);
	stoq_json_put(object, "opcode", NULL);
	stoq_json_put(object, "fctype", NULL);
	stoq_json_put(object, "opcode_name", NULL);
}

/* What was seen of the packets that this side sent. */
static struct json_object *tcp_side(const struct stoq_tcp_side *side)
{
	struct json_object *object = json_object_new_object(), *trip = json_object_new_object();
	bool known = side->round_trips;

	stoq_json_put_u64(object, "retransmitted_bytes", side->retransmitted_bytes);
	stoq_json_put_u64(object, "late_bytes", side->late_bytes);
	stoq_json_put_u64(object, "zero_windows", side->zero_windows);
	stoq_json_put_u64(object, "zero_window_ns", side->zero_window_ns);
	stoq_json_put_u64(object, "resets", side->resets);
	stoq_json_put_u64(trip, "count", side->round_trips);
	stoq_json_put_known(
		trip, "mean", known, known ? side->round_trip_sum_ns / side->round_trips : 0);
	stoq_json_put_known(trip, "min", known, side->round_trip_min_ns);
	stoq_json_put_known(trip, "max", known, side->round_trip_max_ns);
	stoq_json_put(object, "round_trip_ns", trip);
	return object;
}

static struct json_object *tcp_of(const struct stoq_tcp *tcp)
{
	const uint64_t to_controller_ns = tcp->handshake_ns[NVME_TCP_FROM_HOST];
	const uint64_t to_host_ns = tcp->handshake_ns[NVME_TCP_FROM_CONTROLLER];
	struct json_object *object, *handshake;

	if (!tcp->uid)
		return NULL;
	object = json_object_new_object();
	handshake = json_object_new_object();
	stoq_json_put_known(handshake, "to_controller", to_controller_ns, to_controller_ns);
	stoq_json_put_known(handshake, "to_host", to_host_ns, to_host_ns);
	stoq_json_put(object, "handshake_ns", handshake);
	stoq_json_put(object, "from_host", tcp_side(&tcp->side[NVME_TCP_FROM_HOST]));
	stoq_json_put(object, "from_controller", tcp_side(&tcp->side[NVME_TCP_FROM_CONTROLLER]));
	return object;
}

static struct json_object *groups(const struct period *period)
{
	const struct stoq_model *model = period->model;
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < model->group_count; i++) {
		const struct stoq_group *group = &model->groups[i];
		struct json_object *entry, *identity;

		/* An interval lists those that did something or have something to do. */
		if (!period->whole && !group->interval.commands && !group->outstanding)
			continue;
		entry = json_object_new_object();
		identity = json_object_new_object();
		put_group_identity(identity, &group->identity);
		stoq_json_put(entry, "identity", identity);
		put_statistics(entry, period, group);
		stoq_json_put(entry, "tcp", tcp_of(&group->tcp));
		json_object_array_add(list, entry);
	}
	return list;
}

/* The groups beyond --top, as one; NULL: there are none. */
static struct json_object *others(const struct period *period)
{
	const struct stoq_model *model = period->model;
	struct json_object *object;

	if (!model->other_count)
		return NULL;
	object = json_object_new_object();
	stoq_json_put_u64(object, "groups", model->other_count);
	put_statistics(object, period, &model->others);
	return object;
}

static struct json_object *statuses(const struct period *period)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < period->model->status_count; i++) {
		const struct stoq_status_line *line = &period->model->statuses[i];
		uint64_t count = period->whole ? line->total : line->interval;
		struct json_object *entry;
		char buffer[NVME_NAME_LENGTH];

		if (!count)
			continue;
		entry = json_object_new_object();
		stoq_json_put_status(entry, line->kind, line->opcode, line->status);
		stoq_json_put_string(entry, "queue", stoq_json_queue_kind(line->kind));
		stoq_json_put_u64(entry, "opcode", line->opcode);
		stoq_json_put_string(entry, "opcode_name",
			line->opcode == NVME_OPCODE_FABRICS
				? "Fabrics"
				: nvme_opcode_name(line->kind, line->opcode, 0, buffer));
		stoq_json_put_u64(entry, "count", count);
		json_object_array_add(list, entry);
	}
	return list;
}

static struct json_object *flow_states(const struct stoq_model *model)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < STOQ_FLOW_STATES; i++)
		stoq_json_put_u64(object, stoq_flow_state_name((enum stoq_flow_state)i),
			model->flow_states[i]);
	return object;
}

static struct json_object *pdus(const struct stoq_model *model)
{
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < NVME_TCP_PDU_TYPES; i++)
		if (nvme_tcp_header_length(i))
			stoq_json_put_u64(object, nvme_tcp_pdu_name(i), model->pdu_types[i]);
	return object;
}

static struct json_object *counters(const struct stoq_model *model)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < STOQ_COUNTERS; i++)
		if (counter_names[i])
			stoq_json_put_u64(object, counter_names[i], model->counters[i]);
	return object;
}

/* NULL: the protocol is not checked. */
static struct json_object *violations(const struct stoq_model *model)
{
	struct json_object *object = model->checked ? json_object_new_object() : NULL;

	for (uint32_t i = 0; object && i < STOQ_VIOLATIONS; i++)
		stoq_json_put_u64(object, stoq_violation_name(i), model->violations[i]);
	return object;
}

static struct json_object *digest_figures(const struct stoq_digest_figures *figures)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "checked", figures->checked);
	stoq_json_put_u64(object, "unchecked", figures->unchecked);
	return object;
}

/* NULL: none are computed. */
static struct json_object *digests(const struct stoq_model *model)
{
	struct json_object *object = model->digested ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	stoq_json_put(object, "header", digest_figures(&model->header_digests));
	stoq_json_put(object, "data", digest_figures(&model->data_digests));
	return object;
}

static struct json_object *overlaps(const struct stoq_model *model)
{
	struct json_object *object = model->checked ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	stoq_json_put_u64(object, "found", model->overlaps.found);
	stoq_json_put_u64(object, "writes_compared", model->overlaps.compared);
	stoq_json_put_u64(object, "writes_unnamed", model->overlaps.unnamed);
	stoq_json_put_u64(object, "writes_full", model->overlaps.full);
	stoq_json_put_u64(object, "writes_lost", model->overlaps.lost);
	return object;
}

static struct json_object *since_start(const struct stoq_model *model)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "pdus", model->pdus);
	stoq_json_put(object, "pdu_types", pdus(model));
	stoq_json_put_u64(object, "unsynced_bytes", model->unsynced_bytes);
	stoq_json_put_u64(object, "unmatched_completions", model->unmatched);
	stoq_json_put_u64(object, "untracked_commands", model->untracked);
	stoq_json_put_u64(object, "unended_commands", model->unended);
	stoq_json_put_u64(object, "early_bytes", model->early_bytes);
	stoq_json_put(object, "violations", violations(model));
	stoq_json_put(object, "digests", digests(model));
	stoq_json_put(object, "overlaps", overlaps(model));
	stoq_json_put(object, "counters", counters(model));
	return object;
}

/* Those that are there, or those that are gone. */
static struct json_object *interfaces(const struct stoq_model *model, bool gone)
{
	struct json_object *list = json_object_new_array();
	char name[4 * IF_NAMESIZE + 1];

	for (size_t i = 0; list && i < model->interface_count; i++) {
		if ((model->gone && model->gone[i]) != gone)
			continue;
		json_object_array_add(
			list, json_object_new_string(stoq_text_clean(name, sizeof(name),
				      model->interfaces[i], IF_NAMESIZE, STOQ_TEXT_UTF8)));
	}
	return list;
}

static struct json_object *filter_values(const struct stoq_filter *filter, unsigned int kind)
{
	struct json_object *list = json_object_new_array();
	char value[4 * NVME_NQN_LENGTH + 1];

	for (unsigned int i = 0; list && i < filter->count[kind]; i++)
		json_object_array_add(
			list, json_object_new_string(stoq_text_clean(value, sizeof(value),
				      filter->given[kind][i], NVME_NQN_LENGTH, STOQ_TEXT_UTF8)));
	return list;
}

/* What was given of each kind; NULL: nothing. */
static struct json_object *filter_of(const struct stoq_filter *filter)
{
	struct json_object *object;

	if (!filter || !stoq_filter_is_given(filter))
		return NULL;
	object = json_object_new_object();
	for (unsigned int kind = 0; kind < STOQ_FILTER_KINDS; kind++)
		stoq_json_put(object, stoq_filter_kind_name((enum stoq_filter_kind)kind),
			filter_values(filter, kind));
	return object;
}

static struct json_object *threshold_of(const struct stoq_threshold *threshold)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_string(object, "threshold", threshold->text);
	if (threshold->known)
		stoq_json_put_rate(object, "value", threshold->value);
	else
		stoq_json_put(object, "value", NULL);
	stoq_json_put_u64(object, "beyond_ns", threshold->beyond_ns);
	json_object_object_add(object, "held", json_object_new_boolean(threshold->held));
	stoq_json_put_known(object, "held_unix_ns", threshold->held, threshold->held_unix_ns);
	if (threshold->held)
		stoq_json_put_rate(object, "held_value", threshold->held_value);
	else
		stoq_json_put(object, "held_value", NULL);
	return object;
}

static struct json_object *thresholds(const struct stoq_thresholds *all)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && all && i < all->count; i++)
		json_object_array_add(list, threshold_of(&all->items[i]));
	return list;
}

static struct json_object *happenings(const struct stoq_model *model)
{
	struct json_object *object = json_object_new_object();

	for (unsigned int i = 0; i < STOQ_HAPPENINGS; i++)
		stoq_json_put_u64(
			object, stoq_happening_name((enum stoq_happening)i), model->happenings[i]);
	return object;
}

static char *period_object(const char *type, const struct period *period, uint64_t unix_ns)
{
	const struct stoq_model *model = period->model;
	struct json_object *object = stoq_json_new_report(type, STOQ_JSON_SCHEMA_VERSION);
	struct json_object *overall = json_object_new_object();
	char axis[STOQ_AXIS_NAME];

	stoq_json_put_time(object, unix_ns);
	stoq_json_put_u64(object, "elapsed_ns", model->elapsed_ns);
	stoq_json_put_u64(object, "interval_ns", period->length_ns);
	stoq_json_put(object, "interfaces", interfaces(model, false));
	stoq_json_put(object, "interfaces_gone", interfaces(model, true));
	stoq_json_put_string(object, "attachment", model->attachment);
	stoq_json_put_string(object, "by", stoq_axis_name(model->axis, axis));
	stoq_json_put_string(object, "sort", stoq_order_name(model->order));
	stoq_json_put(object, "filter", filter_of(model->filter));
	put_statistics(overall, period, &model->overall);
	stoq_json_put(object, "overall", overall);
	stoq_json_put(object, "groups", groups(period));
	stoq_json_put(object, "others", others(period));
	stoq_json_put(object, "statuses", statuses(period));
	stoq_json_put(object, "thresholds", thresholds(model->thresholds));
	stoq_json_put(object, "flows", flow_states(model));
	stoq_json_put(object, "events", happenings(model));
	stoq_json_put(object, "since_start", since_start(model));
	return stoq_json_finish(object);
}

char *stoq_json_interval(const struct stoq_model *model, uint64_t unix_ns, bool histograms)
{
	const struct period period = {
		.model = model, .histograms = histograms, .length_ns = model->interval_ns};

	return period_object("interval", &period, unix_ns);
}

char *stoq_json_summary(const struct stoq_model *model, uint64_t unix_ns)
{
	const struct period period = {
		.model = model, .whole = true, .histograms = true, .length_ns = model->elapsed_ns};

	return period_object("summary", &period, unix_ns);
}

char *stoq_json_threshold(const struct stoq_threshold *threshold)
{
	struct json_object *object = stoq_json_new_report("threshold", STOQ_JSON_SCHEMA_VERSION);

	stoq_json_put_time(object, threshold->held_unix_ns);
	stoq_json_put_string(object, "threshold", threshold->text);
	stoq_json_put_rate(object, "value", threshold->held_value);
	stoq_json_put_u64(object, "beyond_ns", threshold->beyond_ns);
	return stoq_json_finish(object);
}
