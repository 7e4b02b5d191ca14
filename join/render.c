// SPDX-License-Identifier: BSD-2-Clause
#include "join/render.h"

#include <inttypes.h>
#include <string.h>

#include "flow/label.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"

#define FIGURES	    57 /* columns of a row's figures */
#define LABEL_LEAST 32
#define OPCODE	    9 /* columns of its name */

uint64_t stoq_join_matched(const struct stoq_join *join)
{
	return join->overall.total.count;
}

static unsigned int percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned int)((double)part * 100 / (double)whole + 0.5) : 0;
}

static void print_pair(FILE *file, const struct stoq_histogram *histogram)
{
	char mean[STOQ_TEXT_NUMBER], p99[STOQ_TEXT_NUMBER];

	fprintf(file, " %6s %6s", stoq_text_time(mean, stoq_histogram_mean_ns(histogram), ""),
		stoq_text_time(p99, stoq_histogram_percentile_ns(histogram, 0.99), ""));
}

static void print_row(
	FILE *file, const char *label, unsigned int room, const struct stoq_join_group *group)
{
	char count[STOQ_TEXT_NUMBER];

	fprintf(file, "%-*.*s %7s", (int)room, (int)room, label,
		stoq_text_count(count, group->total.count));
	print_pair(file, &group->total);
	print_pair(file, &group->target);
	print_pair(file, &group->between);
	fprintf(file, " %5u%%\n", percent(group->target.sum_ns, group->total.sum_ns));
}

static void print_group(FILE *file, const struct stoq_join_group *group, unsigned int room)
{
	char label[4 * STOQ_LABEL_SIZE], host[STOQ_LABEL_SIZE], subsystem[STOQ_LABEL_SIZE];
	const struct stoq_identity *identity = &group->identity;
	char buffer[NVME_NAME_LENGTH];
	unsigned int half = (room - OPCODE - 6) / 2;

	stoq_group_label(host, identity, STOQ_BY_HOST, half);
	stoq_group_label(subsystem, identity, STOQ_BY_SUBSYSTEM, half);
	snprintf(label, sizeof(label), "%-*.*s %3" PRId64 " %s>%s", OPCODE, OPCODE,
		nvme_opcode_name(identity->kind, (uint8_t)identity->opcode,
			identity->fctype < 0 ? 0 : (uint8_t)identity->fctype, buffer),
		identity->nsid, host, subsystem);
	print_row(file, label, room, group);
}

static void print_table(FILE *file, const struct stoq_join *join, unsigned int width)
{
	unsigned int room = width > FIGURES + LABEL_LEAST ? width - FIGURES : LABEL_LEAST;

	fprintf(file, "%-*s %7s %13s %13s %13s  SHARE\n", (int)room, "", "", "TOTAL", "TARGET",
		"BETWEEN");
	fprintf(file, "%-*s  NS %-*s %7s %6s %6s %6s %6s %6s %6s TARGET\n", OPCODE, "OPCODE",
		(int)(room - OPCODE - 5), "HOST>SUBSYSTEM", "COUNT", "mean", "p99", "mean", "p99",
		"mean", "p99");
	print_row(file, "all", room, &join->overall);
	for (size_t i = 0; i < join->group_count; i++)
		print_group(file, &join->groups[i], room);
	if (join->others.total.count)
		print_row(file, "others", room, &join->others);
}

static void print_reason(FILE *file, uint64_t count, const char *reason)
{
	if (count)
		fprintf(file, "  %10" PRIu64 "  %s\n", count, reason);
}

static void print_alone(FILE *file, const struct stoq_join *join,
	const struct stoq_join_names *names, enum stoq_join_side side)
{
	const struct stoq_join_alone *alone = &join->alone[side];
	uint64_t count = join->commands[side] - stoq_join_matched(join);

	if (!count)
		return;
	fprintf(file, "\n%" PRIu64 " of %" PRIu64 " commands in %s are not in the table:\n", count,
		join->commands[side], names->files[side]);
	print_reason(file, alone->connection,
		"the other record does not have their connection (behind NAT: --map)");
	print_reason(file, alone->nameless, "their connection is not in the record");
	print_reason(
		file, alone->outside, "before or after what both records have of their connection");
	print_reason(file, alone->missing, "the other record lacks them");
	print_reason(file, alone->ambiguous, "have the number and identifier of another command");
	print_reason(file, alone->different, "are another command in the other record");
	print_reason(file, alone->crowded, "had no room to wait for their other half");
	print_reason(file, alone->longer,
		"took longer at the target than at the host: are the records in the right order?");
}

static void print_lost(FILE *file, const struct stoq_join_names *names, enum stoq_join_side side)
{
	const struct stoq_record_notes *notes = &names->notes[side];

	if (notes->missed.lost)
		fprintf(file, "%s lost %" PRIu64 " commands when it was recorded.\n",
			names->files[side], notes->missed.lost);
	if (notes->violations || notes->overlaps)
		fprintf(file,
			"%s has %" PRIu64 " violations of the protocol and %" PRIu64
			" pairs of overlapping writes: stoq watch -r %s --events\n",
			names->files[side], notes->violations, notes->overlaps, names->files[side]);
	if (notes->begins_late)
		fprintf(file, "%s is the end of a longer record: what came before is not in it.\n",
			names->files[side]);
	if (notes->ends_early)
		fprintf(file, "%s was cut, or is still being written.\n", names->files[side]);
	if (notes->older_cut)
		fprintf(file, "%s.1 was cut.\n", names->files[side]);
	if (notes->damaged)
		fprintf(file, "%s has %" PRIu64 " damaged blocks, which were left out.\n",
			names->files[side], notes->damaged);
}

static void print_hint(FILE *file, const struct stoq_join_hint *hint)
{
	char one[STOQ_FLOW_END_TEXT], other[STOQ_FLOW_END_TEXT];

	if (!stoq_flow_end_same_address(&hint->host, &hint->target_host) ||
		hint->host.port != hint->target_host.port)
		fprintf(file, "  --map %s=%s\n", stoq_flow_end_text(&hint->host, one),
			stoq_flow_end_text(&hint->target_host, other));
	if (!stoq_flow_end_same_address(&hint->controller, &hint->target_controller) ||
		hint->controller.port != hint->target_controller.port)
		fprintf(file, "  --map %s=%s\n", stoq_flow_end_text(&hint->controller, one),
			stoq_flow_end_text(&hint->target_controller, other));
}

void stoq_join_render(FILE *file, const struct stoq_join *join, const struct stoq_join_names *names,
	unsigned int width)
{
	fprintf(file, "%" PRIu64 " commands are in both records: host %s, target %s\n\n",
		stoq_join_matched(join), names->nodes[STOQ_JOIN_HOST],
		names->nodes[STOQ_JOIN_TARGET]);
	print_table(file, join, width);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++) {
		print_alone(file, join, names, side);
		print_lost(file, names, side);
	}
	if (join->hint_count)
		fputs("\nConnections with the same names, queue and controller, but other "
		      "addresses: if the network translates addresses, give\n",
			file);
	for (size_t i = 0; i < join->hint_count; i++)
		print_hint(file, &join->hints[i]);
}
