// SPDX-License-Identifier: BSD-2-Clause

/* The stages of many commands at once, with segments that end anywhere, against a reference that knows what was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/stream/event_shared.h"
#include "tests/bpf/dialog.h"
#include "tests/unit/nvme/sample_stream.h"

#define START_NS 1000000000000ull

static struct dialog dialog;

#define QUEUE	 48
#define COMMANDS 1500

/* What a command's stages are by its script: the reference. */
struct script {
	bool busy, write, success;
	int rounds; /* data PDUs or R2Ts to come */
	enum { SCRIPT_ANSWER, SCRIPT_DATA } next;
	uint64_t mark_ns;
	uint64_t ns[STOQ_STAGES];
	uint64_t first_ns, last_ns; /* of a read's data; 0: there was none */
};

/* A PDU that was written and not sent yet: when its header and its end pass is known afterwards. */
struct written {
	uint16_t cid;
	enum { WRITTEN_COMMAND, WRITTEN_R2T, WRITTEN_DATA, WRITTEN_END } what;
	size_t header_end, end; /* in dialog.bytes */
};

static struct script scripts[QUEUE];
static struct written written[16];
static size_t written_count;
static uint32_t random_state;
static int begun, ended;

static uint32_t below(uint32_t limit)
{
	return sample_random(&random_state) % limit;
}

static void note(uint16_t cid, int what, size_t from, size_t header_bytes)
{
	written[written_count++] = (struct written){
		.cid = cid, .what = what, .header_end = from + header_bytes, .end = dialog.length};
}

static void write_from_host(uint16_t cid)
{
	struct script *script = &scripts[cid];
	struct nvme_io_fields fields = dialog_read_fields(cid);
	size_t from = dialog.length;

	if (!script->busy && begun < COMMANDS) {
		*script = (struct script){.busy = true,
			.write = below(2),
			.success = below(2),
			.rounds = (int)below(4)};
		fields.opcode = script->write ? NVME_NVM_WRITE : NVME_NVM_READ;
		dialog_command(&dialog, &fields);
		note(cid, WRITTEN_COMMAND, from, 72);
		begun++;
	} else if (script->busy && script->write && script->next == SCRIPT_DATA) {
		dialog_data(&dialog, &(struct nvme_tcp_data_fields){.type = NVME_TCP_H2C_DATA,
					     .cid = cid,
					     .length = 1024,
					     .flags = NVME_TCP_FLAG_LAST});
		note(cid, WRITTEN_DATA, from, 24);
		script->next = SCRIPT_ANSWER;
	}
}

static void write_from_controller(uint16_t cid)
{
	struct script *script = &scripts[cid];
	size_t from = dialog.length;

	if (!script->busy || script->next == SCRIPT_DATA)
		return;
	if (script->rounds && script->write) {
		dialog_r2t(&dialog, cid, 1, 0, 1024);
		note(cid, WRITTEN_R2T, from, 24);
		script->next = SCRIPT_DATA;
		script->rounds--;
	} else if (script->rounds) {
		bool ends = script->rounds == 1 && script->success;

		dialog_data(&dialog,
			&(struct nvme_tcp_data_fields){.type = NVME_TCP_C2H_DATA,
				.cid = cid,
				.length = 1 + below(2000),
				.flags = ends ? NVME_TCP_FLAG_LAST | NVME_TCP_FLAG_SUCCESS : 0});
		note(cid, WRITTEN_DATA, from, 24);
		script->rounds -= !ends;
		if (ends)
			note(cid, WRITTEN_END, from, dialog.length - from);
		script->busy = !ends;
	} else {
		dialog_response(&dialog, cid, 0, 0);
		note(cid, WRITTEN_END, from, 24);
		script->busy = false;
	}
}

static void end_script(uint16_t cid, uint64_t now_ns)
{
	struct script *script = &scripts[cid];
	const struct stoq_event_staged *event = &the_rig->commands[ended++];

	if (script->first_ns) {
		script->ns[STOQ_STAGE_ANSWER] = script->first_ns - script->mark_ns;
		script->ns[STOQ_STAGE_DATA] = script->last_ns - script->first_ns;
		script->mark_ns = script->last_ns;
		script->ns[STOQ_STAGE_END] = now_ns - script->last_ns;
	} else if (script->ns[STOQ_STAGE_ANSWER]) {
		script->ns[STOQ_STAGE_END] = now_ns - script->mark_ns;
	} else {
		script->ns[STOQ_STAGE_ANSWER] = now_ns - script->mark_ns;
	}
	assert_int_equal(event->command.cid, cid);
	for (int i = 0; i < STOQ_STAGES; i++)
		assert_int_equal(event->stages.ns[i], script->ns[i]);
}

/* A PDU has passed, its header at one time and its end at another. */
static void on_passed(const struct written *pdu, uint64_t header_ns, uint64_t end_ns)
{
	struct script *script = &scripts[pdu->cid];

	switch (pdu->what) {
	case WRITTEN_COMMAND:
		script->mark_ns = header_ns;
		break;
	case WRITTEN_R2T:
		script->ns[STOQ_STAGE_ANSWER] += header_ns - script->mark_ns;
		script->mark_ns = header_ns;
		break;
	case WRITTEN_DATA:
		if (!script->write) {
			script->first_ns = script->first_ns ? script->first_ns : header_ns;
			script->last_ns = end_ns;
			break;
		}
		script->ns[STOQ_STAGE_HOST] += header_ns - script->mark_ns;
		script->ns[STOQ_STAGE_DATA] += end_ns - header_ns;
		script->mark_ns = end_ns;
		break;
	case WRITTEN_END:
		end_script(pdu->cid, end_ns);
		break;
	}
}

/* In pieces, each later than the one before. */
static void send_written(enum nvme_tcp_side side)
{
	uint64_t times[64] = {0}, first_ns = the_rig->now_ns;
	size_t ends[64] = {0}, count = 0, at = 0;

	while (at < dialog.length) {
		size_t length = dialog.length - at < 2900 ? dialog.length - at : 2900;

		length = below(3) ? length : 1 + below((uint32_t)length);
		if (count == 63)
			length = dialog.length - at < 2900 ? dialog.length - at : 2900;
		the_rig->now_ns += 1 + below(5000);
		dialog_send_at(&dialog, side, dialog.sequence[side], dialog.bytes + at, length);
		dialog.sequence[side] += length;
		at += length;
		assert_true(count < 64);
		times[count] = the_rig->now_ns;
		ends[count++] = at;
	}
	dialog.length = 0;
	for (size_t i = 0; i < written_count; i++) {
		size_t header = 0, end = 0;

		while (ends[header] < written[i].header_end)
			header++;
		while (ends[end] < written[i].end)
			end++;
		on_passed(&written[i], times[header], times[end]);
	}
	assert_true(the_rig->now_ns >= first_ns);
	written_count = 0;
}

static void run_random(uint32_t seed, bool digests)
{
	random_state = seed;
	begun = ended = 0;
	memset(scripts, 0, sizeof(scripts));
	dialog_open(&dialog, the_rig, true);
	dialog_establish(&dialog, 1);
	the_rig->command_count = 0;
	the_rig->now_ns = START_NS;
	dialog.format.data_digest = digests;
	for (int idle = 0; idle < 1000; idle++) {
		enum nvme_tcp_side side = below(2) ? NVME_TCP_FROM_HOST : NVME_TCP_FROM_CONTROLLER;

		for (int i = 0; i < 4; i++)
			(side == NVME_TCP_FROM_HOST ? write_from_host : write_from_controller)(
				(uint16_t)below(QUEUE));
		if (written_count)
			idle = 0;
		send_written(side);
	}
	assert_int_equal(begun, COMMANDS);
	assert_int_equal(ended, COMMANDS);
	assert_int_equal(the_rig->command_count, COMMANDS);
}

static void test_many_commands(void **state)
{
	(void)state;
	run_random(1, false);
	run_random(2, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_commands),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
