// SPDX-License-Identifier: BSD-2-Clause
#include "tests/peer/stats.h"

#include <errno.h>
#include <stdlib.h>

#include "nvme/nvme_names.h"

#define ALL_OPCODES (3 * 256)

/* One row of places for all kinds: admin, I/O, Fabrics. */
static struct peer_opcode_stats **place(struct peer_stats *stats, unsigned int i)
{
	return i < 512 ? &stats->opcodes[i / 256][i % 256] : &stats->fabrics[i % 256];
}

static const struct peer_opcode_stats *at(const struct peer_stats *stats, unsigned int i)
{
	return i < 512 ? stats->opcodes[i / 256][i % 256] : stats->fabrics[i % 256];
}

void peer_stats_free(struct peer_stats *stats)
{
	for (unsigned int i = 0; i < ALL_OPCODES; i++) {
		free(*place(stats, i));
		*place(stats, i) = NULL;
	}
}

static struct peer_opcode_stats *get(struct peer_opcode_stats **slot)
{
	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	return *slot;
}

static void count_status(struct peer_opcode_stats *stats, uint16_t status, uint64_t count)
{
	for (unsigned int i = 0; i < PEER_STATUSES; i++) {
		if (stats->statuses[i].count && stats->statuses[i].status != status)
			continue;
		stats->statuses[i].status = status;
		stats->statuses[i].count += count;
		return;
	}
}

static struct peer_opcode_stats *find(
	struct peer_stats *stats, enum nvme_queue_kind kind, const struct nvme_sqe *sqe)
{
	if (sqe->opcode == NVME_OPCODE_FABRICS)
		return get(&stats->fabrics[((const struct nvme_fabrics_sqe *)sqe)->fctype]);
	return get(&stats->opcodes[kind][sqe->opcode]);
}

int peer_stats_record(struct peer_stats *stats, enum nvme_queue_kind kind,
	const struct peer_host_command *command, const struct peer_host_completion *completion)
{
	struct peer_opcode_stats *opcode = find(stats, kind, &command->sqe);

	if (!opcode)
		return -ENOMEM;
	opcode->commands++;
	if (completion->status) {
		opcode->errors++;
		count_status(opcode, completion->status, 1);
	} else {
		opcode->bytes += command->length;
	}
	stoq_histogram_record(&opcode->latency, completion->latency_ns);
	return 0;
}

int peer_stats_add(struct peer_stats *stats, const struct peer_stats *other)
{
	stats->held += other->held;
	for (unsigned int i = 0; i < ALL_OPCODES; i++) {
		const struct peer_opcode_stats *from = at(other, i);
		struct peer_opcode_stats *to;

		if (!from)
			continue;
		to = get(place(stats, i));
		if (!to)
			return -ENOMEM;
		to->commands += from->commands;
		to->errors += from->errors;
		to->bytes += from->bytes;
		stoq_histogram_add(&to->latency, &from->latency);
		for (unsigned int n = 0; n < PEER_STATUSES && from->statuses[n].count; n++)
			count_status(to, from->statuses[n].status, from->statuses[n].count);
	}
	return 0;
}

/* ---- text ---- */

struct label {
	const char *kind;
	enum nvme_queue_kind queue;
	uint8_t opcode, fctype;
	char buffer[NVME_NAME_LENGTH];
	const char *name;
};

static struct label *label_of(struct label *label, unsigned int i)
{
	static const char *const kinds[] = {"admin", "io", "fabrics"};
	bool fabrics = i >= 512;

	label->kind = kinds[i / 256];
	label->queue = i / 256 == 1 ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
	label->opcode = fabrics ? NVME_OPCODE_FABRICS : (uint8_t)i;
	label->fctype = fabrics ? (uint8_t)i : 0;
	label->name = nvme_opcode_name(label->queue, label->opcode, label->fctype, label->buffer);
	return label;
}

static unsigned long long percentile(const struct peer_opcode_stats *stats, double fraction)
{
	return stoq_histogram_percentile_ns(&stats->latency, fraction);
}

static void print_statuses(
	const struct peer_opcode_stats *stats, const struct label *label, FILE *file)
{
	char name[NVME_NAME_LENGTH];

	for (unsigned int i = 0; i < PEER_STATUSES && stats->statuses[i].count; i++)
		fprintf(file, "%s{\"status\":%u,\"name\":\"%s\",\"count\":%llu}", i ? "," : "",
			stats->statuses[i].status,
			nvme_status_name(
				label->queue, label->opcode, stats->statuses[i].status, name),
			(unsigned long long)stats->statuses[i].count);
}

static void print_opcode_json(
	const struct peer_opcode_stats *stats, const struct label *label, FILE *file)
{
	fprintf(file,
		"{\"kind\":\"%s\",\"opcode\":%u,\"fctype\":%u,\"name\":\"%s\","
		"\"commands\":%llu,\"errors\":%llu,\"bytes\":%llu,",
		label->kind, label->opcode, label->fctype, label->name,
		(unsigned long long)stats->commands, (unsigned long long)stats->errors,
		(unsigned long long)stats->bytes);
	fprintf(file,
		"\"latency_ns\":{\"mean\":%llu,\"p50\":%llu,\"p95\":%llu,\"p99\":%llu,"
		"\"p99_9\":%llu,\"max\":%llu},\"statuses\":[",
		(unsigned long long)stoq_histogram_mean_ns(&stats->latency), percentile(stats, 0.5),
		percentile(stats, 0.95), percentile(stats, 0.99), percentile(stats, 0.999),
		(unsigned long long)stats->latency.max_ns);
	print_statuses(stats, label, file);
	fputs("]}", file);
}

struct sums {
	uint64_t commands, bytes, errors;
};

static struct sums io_sums(const struct peer_stats *stats)
{
	struct sums sums = {0};

	for (unsigned int i = 256; i < 512; i++) {
		const struct peer_opcode_stats *opcode = at(stats, i);

		if (!opcode)
			continue;
		sums.commands += opcode->commands;
		sums.bytes += opcode->bytes;
		sums.errors += opcode->errors;
	}
	return sums;
}

void peer_stats_print_json(const struct peer_stats *stats, uint64_t elapsed_ns, FILE *file)
{
	struct sums sums = io_sums(stats);
	double seconds = (double)elapsed_ns / 1e9;
	const char *comma = "";

	fprintf(file,
		"{\"seconds\":%.6f,\"iops\":%.0f,\"commands\":%llu,\"errors\":%llu,"
		"\"bytes\":%llu,\"held\":%llu,\"opcodes\":[",
		seconds, seconds > 0 ? (double)sums.commands / seconds : 0,
		(unsigned long long)sums.commands, (unsigned long long)sums.errors,
		(unsigned long long)sums.bytes, (unsigned long long)stats->held);
	for (unsigned int i = 0; i < ALL_OPCODES; i++) {
		const struct peer_opcode_stats *opcode = at(stats, i);
		struct label label;

		if (!opcode)
			continue;
		fputs(comma, file);
		comma = ",";
		print_opcode_json(opcode, label_of(&label, i), file);
	}
	fputs("]}\n", file);
	fflush(file);
}

void peer_stats_print(const struct peer_stats *stats, uint64_t elapsed_ns, FILE *file)
{
	double seconds = (double)elapsed_ns / 1e9;

	fprintf(file, "%-24s %12s %10s %8s %14s %9s %9s %9s %9s\n", "", "commands", "per s",
		"errors", "bytes", "p50 us", "p99 us", "p99.9 us", "max us");
	for (unsigned int i = 0; i < ALL_OPCODES; i++) {
		const struct peer_opcode_stats *opcode = at(stats, i);
		struct label label;

		if (!opcode)
			continue;
		fprintf(file, "%-24s %12llu %10.0f %8llu %14llu %9.1f %9.1f %9.1f %9.1f\n",
			label_of(&label, i)->name, (unsigned long long)opcode->commands,
			seconds > 0 ? (double)opcode->commands / seconds : 0,
			(unsigned long long)opcode->errors, (unsigned long long)opcode->bytes,
			(double)percentile(opcode, 0.5) / 1e3,
			(double)percentile(opcode, 0.99) / 1e3,
			(double)percentile(opcode, 0.999) / 1e3,
			(double)opcode->latency.max_ns / 1e3);
	}
}
