// SPDX-License-Identifier: BSD-2-Clause
#include "fixture.h"

#include <string.h>

#include "flow/stages.h"

static const char interface_names[2][IF_NAMESIZE] = {"lo", "eth0"};

struct stoq_identity fixture_nobody(void)
{
	return (struct stoq_identity){.cntlid = -1,
		.qid = -1,
		.nsid = -1,
		.opcode = -1,
		.fctype = -1,
		.size = -1,
		.kind = NVME_QUEUE_IO};
}

static void record(struct stoq_statistics *statistics, uint64_t ns, uint64_t count, uint64_t bytes)
{
	statistics->commands += count;
	statistics->bytes += count * bytes;
	statistics->latency.count += count;
	statistics->latency.sum_ns += count * ns;
	if (ns > statistics->latency.max_ns)
		statistics->latency.max_ns = ns;
	statistics->latency.buckets[stoq_latency_bucket(ns)] += count;
}

void fixture_record(struct stoq_group *group, uint64_t ns, uint64_t count, uint64_t bytes_each)
{
	record(&group->interval, ns, count, bytes_each);
	record(&group->total, ns, count, bytes_each);
}

static void fail(struct stoq_group *group, uint64_t count)
{
	group->interval.errors += count;
	group->total.errors += count;
}

static void fill_groups(struct fixture *fixture)
{
	static const uint8_t opcodes[FIXTURE_GROUPS] = {
		NVME_NVM_READ, NVME_NVM_WRITE, NVME_NVM_FLUSH};
	struct stoq_group *groups = fixture->groups;

	for (size_t i = 0; i < FIXTURE_GROUPS; i++) {
		groups[i].identity = fixture_nobody();
		groups[i].identity.opcode = opcodes[i];
	}
	for (uint64_t i = 0; i < 400; i++)
		fixture_record(&groups[0], 40000 + i * i, 1000, 4096);
	for (uint64_t i = 0; i < 100; i++)
		fixture_record(&groups[1], 100000 + 1000 * i, 1000, 8192);
	fixture_record(&groups[2], 2500000, 10, 0);
	fail(&groups[1], 12);
	fail(&groups[2], 1);
}

static void add_up(struct stoq_statistics *sum, const struct stoq_statistics *part)
{
	sum->commands += part->commands;
	sum->errors += part->errors;
	sum->bytes += part->bytes;
	stoq_histogram_add(&sum->latency, &part->latency);
}

void fixture_init(struct fixture *fixture)
{
	struct stoq_model *model = &fixture->model;

	memset(fixture, 0, sizeof(*fixture));
	fill_groups(fixture);
	model->axis = STOQ_BY_OPCODE;
	model->interval_ns = 1000000000;
	model->elapsed_ns = 83000000000;
	model->groups = fixture->groups;
	model->group_count = FIXTURE_GROUPS;
	model->overall.identity = fixture_nobody();
	model->overall.outstanding = 32;
	fixture->groups[0].outstanding = 30;
	fixture->groups[1].outstanding = 2;
	for (size_t i = 0; i < FIXTURE_GROUPS; i++) {
		add_up(&model->overall.interval, &fixture->groups[i].interval);
		add_up(&model->overall.total, &fixture->groups[i].total);
	}
	fixture->statuses[0] = (struct stoq_status_line){.status = NVME_STATUS(0, 0x80),
		.opcode = NVME_NVM_WRITE,
		.kind = NVME_QUEUE_IO,
		.interval = 12,
		.total = 340};
	fixture->statuses[1] = (struct stoq_status_line){.status = NVME_STATUS(0, 0x06),
		.opcode = NVME_NVM_FLUSH,
		.kind = NVME_QUEUE_IO,
		.interval = 1,
		.total = 1};
	model->statuses = fixture->statuses;
	model->status_count = FIXTURE_STATUSES;
	model->flows = fixture->flows;
	model->flow_count = 2;
	model->flow_states[STOQ_FLOW_SYNCED] = 4;
	model->flow_states[STOQ_FLOW_LEARNING] = 1;
	model->flow_states[STOQ_FLOW_ENCRYPTED] = 2;
	model->pdus = 1000036;
	model->pdu_types[NVME_TCP_CAPSULE_CMD] = 500010;
	model->pdu_types[NVME_TCP_CAPSULE_RESP] = 500010;
	model->counters[STOQ_COUNT_PACKETS] = 123456;
	model->attachment = "tcx link";
	model->interfaces = interface_names;
	model->interface_count = 2;
}

static void add_stage(struct stoq_statistics *statistics, enum stoq_stage stage, uint64_t eighths)
{
	struct stoq_stage_series *series = &statistics->stages[stage];
	uint64_t count = statistics->latency.count;
	uint64_t each_ns = statistics->latency.sum_ns / count * eighths / 8;

	series->commands = count;
	series->sum_ns = each_ns * count;
	series->max_ns = each_ns;
	series->buckets[stoq_latency_bucket(each_ns) >> STOQ_STAGE_BUCKET_SHIFT] = count;
}

static void add_stages(struct stoq_statistics *read, struct stoq_statistics *write,
	struct stoq_statistics *flush, struct stoq_statistics *overall)
{
	add_stage(read, STOQ_STAGE_ANSWER, 7);
	add_stage(read, STOQ_STAGE_DATA, 1);
	for (int i = 0; i < STOQ_STAGES; i++)
		add_stage(write, (enum stoq_stage)i, 2);
	add_stage(flush, STOQ_STAGE_ANSWER, 8);
	for (int i = 0; i < STOQ_STAGES; i++) {
		stoq_stage_add(&overall->stages[i], &read->stages[i]);
		stoq_stage_add(&overall->stages[i], &write->stages[i]);
		stoq_stage_add(&overall->stages[i], &flush->stages[i]);
	}
}

void fixture_add_stages(struct fixture *fixture)
{
	struct stoq_group *groups = fixture->groups, *overall = &fixture->model.overall;

	fixture->model.staged = true;
	add_stages(
		&groups[0].interval, &groups[1].interval, &groups[2].interval, &overall->interval);
	add_stages(&groups[0].total, &groups[1].total, &groups[2].total, &overall->total);
}
