// SPDX-License-Identifier: BSD-2-Clause
#include "tool/xdp/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "xdp/names.h"
#include "xdp/prefix.h"
#include "xdp/settings.h"

static const struct {
	const char *key, *text;
} limits[STOQ_XDP_LIMITS] = {
	[STOQ_XDP_LIMIT_SOURCE] = {"source", "handshakes of a source"},
	[STOQ_XDP_LIMIT_TOTAL] = {"total", "handshakes of all sources"},
	[STOQ_XDP_LIMIT_UNPROVEN] = {"unproven", "packets of unknown connections"},
};

static const struct stoq_xdp_rate *limit_of(const struct stoq_xdp_config *config, int kind)
{
	return kind == STOQ_XDP_LIMIT_SOURCE  ? &config->source
	       : kind == STOQ_XDP_LIMIT_TOTAL ? &config->total
					      : &config->unproven;
}

static uint64_t per_second(const struct tool_xdp_view *view, uint64_t now, uint64_t before)
{
	uint64_t elapsed_ns = view->now->time_ns - view->before->time_ns;

	return elapsed_ns ? (uint64_t)((double)(now - before) * 1e9 / (double)elapsed_ns) : 0;
}

/*
 * The prefixes of a list, in memory to be freed; NULL if there are none. While it changes it may
 * be read with some of them twice: a change has a second to end.
 */
static struct stoq_xdp_prefix_entry *read_prefixes(
	const struct tool_xdp_view *view, enum stoq_xdp_list list, size_t *count)
{
	struct stoq_xdp_prefix_entry *entries = calloc(STOQ_XDP_PREFIXES_MAX, sizeof(*entries));
	int lock, locked = stoq_xdp_settings_lock(1000000000, &lock, NULL);

	*count = entries ? stoq_xdp_list_prefixes(view->maps, list, entries, STOQ_XDP_PREFIXES_MAX)
			 : 0;
	if (!locked)
		close(lock);
	return entries;
}

/* ---- text ---- */

static void print_ports(FILE *to, const struct tool_xdp_view *view)
{
	const char *separator = "port ";

	for (uint32_t port = 0; port < 65536; port++)
		if (stoq_xdp_has_port(view->maps, (uint16_t)port)) {
			fprintf(to, "%s%" PRIu32, separator, port);
			separator = ", ";
		}
	fprintf(to, "\n");
}

/* The address that it is for alone; NULL: for all. */
static const char *address_of(
	const struct tool_xdp_view *view, char text[static STOQ_XDP_PREFIX_TEXT])
{
	const struct stoq_xdp_config *config = &view->now->config;
	struct stoq_xdp_prefix prefix = {.bits = 128};

	if (!(config->flags & STOQ_XDP_ONE_ADDRESS))
		return NULL;
	memcpy(prefix.address, config->local, sizeof(prefix.address));
	stoq_xdp_prefix_print(text, &prefix);
	return text;
}

static void print_prefixes(FILE *to, const struct tool_xdp_view *view, enum stoq_xdp_list list)
{
	char text[STOQ_XDP_PREFIX_TEXT];
	struct stoq_xdp_prefix_entry *entries;
	size_t count;

	entries = read_prefixes(view, list, &count);
	for (size_t i = 0; i < count; i++) {
		stoq_xdp_prefix_print(text, &entries[i].prefix);
		fprintf(to, "  %-11s%s", list == STOQ_XDP_ALLOWED ? "allowed" : "denied", text);
		if (list == STOQ_XDP_DENIED)
			fprintf(to, " (%" PRIu64 " packets dropped)", entries[i].packets);
		fprintf(to, "\n");
	}
	free(entries);
}

static void print_settings(FILE *to, const struct tool_xdp_view *view)
{
	const struct stoq_xdp_config *config = &view->now->config;
	char text[STOQ_XDP_PREFIX_TEXT];
	const char *address = address_of(view, text);

	fprintf(to, "%s: %s, program %" PRIu32 ", process %" PRIu32 ", ", view->interface,
		stoq_xdp_mode_text(view->maps->mode), view->maps->program_id, config->owner);
	if (address)
		fprintf(to, "address %s, ", address);
	print_ports(to, view);
	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++) {
		const struct stoq_xdp_rate *rate = limit_of(config, kind);

		if (rate->interval_ns)
			fprintf(to, "  limit      %s: %u a second, %u at once\n", limits[kind].text,
				rate->per_second, rate->burst);
		else
			fprintf(to, "  limit      %s: none\n", limits[kind].text);
	}
	print_prefixes(to, view, STOQ_XDP_ALLOWED);
	print_prefixes(to, view, STOQ_XDP_DENIED);
}

static void print_connections(FILE *to, const struct tool_xdp_view *view)
{
	fprintf(to, "  now        %" PRIu64 " opening", view->now->opening);
	for (int state = 0; state < STOQ_XDP_STATES; state++)
		fprintf(to, ", %" PRIu64 " %s", view->now->connections[state],
			stoq_xdp_state_name(state));
	fprintf(to,
		"\n  so far     %" PRIu64 " opened, %" PRIu64 " established, %" PRIu64
		" moved to another address\n",
		(uint64_t)view->now->sum.opened, (uint64_t)view->now->sum.established,
		(uint64_t)view->now->sum.migrated);
}

static void print_verdicts(FILE *to, const struct tool_xdp_view *view)
{
	for (int i = 0; i < STOQ_XDP_VERDICTS; i++) {
		const struct stoq_xdp_count *count = &view->now->sum.verdicts[i];

		if (!count->packets)
			continue;
		fprintf(to, "  %-7s%14" PRIu64 " packets %16" PRIu64 " bytes",
			i >= STOQ_XDP_FIRST_DROP ? "dropped" : "passed", (uint64_t)count->packets,
			(uint64_t)count->bytes);
		if (view->before)
			fprintf(to, " %10" PRIu64 "/s",
				per_second(view, count->packets,
					view->before->sum.verdicts[i].packets));
		fprintf(to, "  %s\n", stoq_xdp_verdict_text(i));
	}
	if (view->now->sum.redirected)
		fprintf(to, "  of those passed, %" PRIu64 " packets went to AF_XDP sockets\n",
			(uint64_t)view->now->sum.redirected);
}

static uint64_t all_packets(const struct stoq_xdp_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < STOQ_XDP_VERDICTS; i++)
		sum += stats->verdicts[i].packets;
	return sum;
}

static void print_cpus(FILE *to, const struct tool_xdp_view *view)
{
	for (unsigned int i = 0; i < view->now->cpu_count; i++) {
		uint64_t packets = all_packets(&view->now->cpus[i]);

		if (!packets)
			continue;
		fprintf(to, "  CPU %-3u%14" PRIu64 " packets", i, packets);
		if (view->before)
			fprintf(to, " %10" PRIu64 "/s",
				per_second(view, packets, all_packets(&view->before->cpus[i])));
		fprintf(to, "\n");
	}
}

static void print_sizes(FILE *to, const struct tool_xdp_view *view)
{
	for (int i = 0; i < STOQ_XDP_SIZE_CLASSES; i++)
		if (view->now->sum.sizes[i])
			fprintf(to, "  size %s%6d bytes %14" PRIu64 " packets\n",
				i + 1 < STOQ_XDP_SIZE_CLASSES ? "<=" : "> ",
				STOQ_XDP_SIZE_FIRST << (i + 1 < STOQ_XDP_SIZE_CLASSES ? i : i - 1),
				(uint64_t)view->now->sum.sizes[i]);
}

void tool_xdp_print(FILE *to, const struct tool_xdp_view *view)
{
	print_settings(to, view);
	print_connections(to, view);
	print_verdicts(to, view);
	print_cpus(to, view);
	print_sizes(to, view);
}

/* ---- JSON ---- */

static struct json_object *json_ports(const struct tool_xdp_view *view)
{
	struct json_object *ports = json_object_new_array();

	for (uint32_t port = 0; port < 65536; port++)
		if (stoq_xdp_has_port(view->maps, (uint16_t)port))
			json_object_array_add(ports, json_object_new_int((int)port));
	return ports;
}

static struct json_object *json_limits(const struct stoq_xdp_config *config)
{
	struct json_object *all = json_object_new_object();

	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++) {
		const struct stoq_xdp_rate *rate = limit_of(config, kind);
		struct json_object *limit = NULL; /* null: none */

		if (rate->interval_ns) {
			limit = json_object_new_object();
			stoq_json_put_u64(limit, "per_second", rate->per_second);
			stoq_json_put_u64(limit, "burst", rate->burst);
		}
		json_object_object_add(all, limits[kind].key, limit);
	}
	return all;
}

static struct json_object *json_prefixes(const struct tool_xdp_view *view, enum stoq_xdp_list list)
{
	struct json_object *all = json_object_new_array();
	char text[STOQ_XDP_PREFIX_TEXT];
	struct stoq_xdp_prefix_entry *entries;
	size_t count;

	entries = read_prefixes(view, list, &count);
	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		stoq_xdp_prefix_print(text, &entries[i].prefix);
		stoq_json_put_string(one, "prefix", text);
		if (list == STOQ_XDP_DENIED)
			stoq_json_put_u64(one, "packets_dropped", entries[i].packets);
		json_object_array_add(all, one);
	}
	free(entries);
	return all;
}

static struct json_object *json_connections(const struct stoq_xdp_status *status)
{
	struct json_object *object = json_object_new_object();

	stoq_json_put_u64(object, "opening", status->opening);
	for (int state = 0; state < STOQ_XDP_STATES; state++)
		stoq_json_put_u64(object, stoq_xdp_state_name(state), status->connections[state]);
	return object;
}

static struct json_object *json_sizes(const struct stoq_xdp_stats *stats)
{
	struct json_object *all = json_object_new_array();

	for (int i = 0; i < STOQ_XDP_SIZE_CLASSES; i++) {
		struct json_object *one = json_object_new_object();

		/* The last class has no end. */
		json_object_object_add(one, "up_to_bytes",
			i + 1 < STOQ_XDP_SIZE_CLASSES
				? json_object_new_int(STOQ_XDP_SIZE_FIRST << i)
				: NULL);
		stoq_json_put_u64(one, "packets", stats->sizes[i]);
		json_object_array_add(all, one);
	}
	return all;
}

/* The counters, of all CPUs or of one; rates where there was a reading before. */
static struct json_object *json_stats(const struct tool_xdp_view *view,
	const struct stoq_xdp_stats *now, const struct stoq_xdp_stats *before)
{
	struct json_object *object = json_object_new_object(), *verdicts = json_object_new_object();

	for (int i = 0; i < STOQ_XDP_VERDICTS; i++) {
		struct json_object *one = json_object_new_object();

		stoq_json_put_u64(one, "packets", now->verdicts[i].packets);
		stoq_json_put_u64(one, "bytes", now->verdicts[i].bytes);
		if (before)
			stoq_json_put_u64(one, "packets_per_second",
				per_second(view, now->verdicts[i].packets,
					before->verdicts[i].packets));
		json_object_object_add(verdicts, stoq_xdp_verdict_name(i), one);
	}
	json_object_object_add(object, "verdicts", verdicts);
	json_object_object_add(object, "sizes", json_sizes(now));
	stoq_json_put_u64(object, "redirected", now->redirected);
	stoq_json_put_u64(object, "opened", now->opened);
	stoq_json_put_u64(object, "established", now->established);
	stoq_json_put_u64(object, "migrated", now->migrated);
	return object;
}

static struct json_object *json_cpus(const struct tool_xdp_view *view)
{
	struct json_object *all = json_object_new_array();

	for (unsigned int i = 0; i < view->now->cpu_count; i++) {
		struct json_object *one = json_stats(
			view, &view->now->cpus[i], view->before ? &view->before->cpus[i] : NULL);

		stoq_json_put_u64(one, "cpu", i);
		json_object_array_add(all, one);
	}
	return all;
}

struct json_object *tool_xdp_json(const struct tool_xdp_view *view)
{
	const struct stoq_xdp_config *config = &view->now->config;
	struct json_object *object = json_object_new_object();
	char text[STOQ_XDP_PREFIX_TEXT];
	const char *address = address_of(view, text);

	stoq_json_put_string(object, "interface", view->interface);
	stoq_json_put_string(object, "mode", stoq_xdp_mode_name(view->maps->mode));
	stoq_json_put_u64(object, "program_id", view->maps->program_id);
	stoq_json_put_u64(object, "process", config->owner);
	json_object_object_add(object, "address", address ? json_object_new_string(address) : NULL);
	json_object_object_add(object, "ports", json_ports(view));
	stoq_json_put_bool(object, "accepts_connections", config->flags & STOQ_XDP_ACCEPT);
	stoq_json_put_bool(object, "sealed_connection_ids", config->flags & STOQ_XDP_CHECK_CID);
	stoq_json_put_bool(object, "redirects", config->flags & STOQ_XDP_REDIRECT);
	json_object_object_add(object, "limits", json_limits(config));
	json_object_object_add(object, "allowed", json_prefixes(view, STOQ_XDP_ALLOWED));
	json_object_object_add(object, "denied", json_prefixes(view, STOQ_XDP_DENIED));
	json_object_object_add(object, "connections", json_connections(view->now));
	json_object_object_add(object, "counters",
		json_stats(view, &view->now->sum, view->before ? &view->before->sum : NULL));
	json_object_object_add(object, "cpus", json_cpus(view));
	return object;
}
