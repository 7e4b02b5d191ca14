// SPDX-License-Identifier: BSD-2-Clause
/*
 * Screens are compared with the files in golden/. To see what changed, or to write them anew:
 * STOQ_GOLDEN_WRITE=1 test_inspect_render_terminal, then git diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../flow/fixture.h"
#include "watch/history.h"
#include "watch/render_terminal.h"

static char *screen_text(const struct stoq_model *model, const struct stoq_view *view,
	unsigned int w, unsigned int h)
{
	size_t size = (size_t)h * (3 * (size_t)w + 1) + 1, used = 0;
	char *text = malloc(size);
	struct stoq_screen screen;

	assert_non_null(text);
	assert_int_equal(stoq_screen_init(&screen, w, h), 0);
	stoq_render_screen(&screen, model, view);
	for (unsigned int i = 0; i < h; i++) {
		used += stoq_screen_line(&screen, i, text + used, size - used);
		text[used++] = '\n';
	}
	text[used] = '\0';
	stoq_screen_free(&screen);
	return text;
}

static void write_golden(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Takes the text away. */
static void assert_golden(const char *name, char *text)
{
	char path[512], expected[32768];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.txt", GOLDEN_DIR, name);
	if (getenv("STOQ_GOLDEN_WRITE"))
		write_golden(path, text);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(expected, 1, sizeof(expected) - 1, file);
	fclose(file);
	expected[length] = '\0';
	assert_string_equal(text, expected);
	free(text);
}

static void set_queues(struct fixture *fixture)
{
	fixture->model.axis = STOQ_BY_QUEUE;
	for (int i = 0; i < FIXTURE_GROUPS; i++) {
		struct stoq_group *group = &fixture->groups[i];

		group->identity = fixture_nobody();
		strcpy(group->identity.host_nqn,
			"nqn.2014-08.org.nvmexpress:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427");
		strcpy(group->identity.subsystem_nqn, "nqn.2016-06.io.spdk:cnode1");
		group->identity.cntlid = 1;
		group->identity.qid = i;
		group->outstanding = (uint64_t)i * 16;
	}
}

static void test_stages(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.unicode = true, .cursor = true};

	fixture_init(&fixture);
	fixture_add_stages(&fixture);
	assert_golden("stages-80x24", screen_text(&fixture.model, &view, 80, 24));
	assert_golden("stages-100x30", screen_text(&fixture.model, &view, 100, 30));
	assert_golden("stages-200x30", screen_text(&fixture.model, &view, 200, 30));
	assert_golden("stages-40x16", screen_text(&fixture.model, &view, 40, 16));
}

static void set_connections(struct fixture *fixture)
{
	fixture->model.axis = STOQ_BY_CONNECTION;
	for (int i = 0; i < FIXTURE_GROUPS; i++) {
		struct stoq_group *group = &fixture->groups[i];

		group->identity = fixture_nobody();
		snprintf(group->identity.host_address, sizeof(group->identity.host_address),
			"192.0.2.%d:40000", i + 1);
		strcpy(group->identity.controller_address, "198.51.100.20:4420");
		group->identity.qid = i;
	}
	fixture->groups[0].tcp = (struct stoq_tcp){.uid = 1,
		.handshake_ns = {150000, 9000},
		.side = {{.retransmitted_bytes = 1448, .round_trip_min_ns = 180000},
			{.late_bytes = 2896,
				.zero_windows = 2,
				.zero_window_ns = 12000000,
				.round_trip_min_ns = 8000}}};
	fixture->groups[1].tcp = (struct stoq_tcp){.uid = 2, .side = {{0}, {.resets = 1}}};
}

static void test_connections(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.unicode = true, .cursor = true};

	fixture_init(&fixture);
	fixture_add_stages(&fixture);
	set_connections(&fixture);
	assert_golden("connection-80x24", screen_text(&fixture.model, &view, 80, 24));
	assert_golden("connection-100x24", screen_text(&fixture.model, &view, 100, 24));
	assert_golden("connection-200x24", screen_text(&fixture.model, &view, 200, 24));
}

static void test_80_columns(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.unicode = true, .cursor = true};

	fixture_init(&fixture);
	fixture.model.unmatched = 3;
	fixture.model.unsynced_bytes = 123456;
	assert_golden("opcode-80x24", screen_text(&fixture.model, &view, 80, 24));
}

static void test_80_columns_ascii_by_queue(void **state)
{
	static struct fixture fixture;
	struct stoq_view view = {.cursor = true, .has_selection = true, .paused = true};

	fixture_init(&fixture);
	set_queues(&fixture);
	view.selection = fixture.groups[1].identity;
	assert_golden("queue-80x24", screen_text(&fixture.model, &view, 80, 24));
}

static void test_140_columns(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.unicode = true, .cursor = true};

	fixture_init(&fixture);
	set_queues(&fixture);
	assert_golden("queue-140x40", screen_text(&fixture.model, &view, 140, 40));
}

static void add_event(struct stoq_history *history, enum stoq_happening what, uint64_t time_ns,
	uint64_t duration_ns, const char *reason, const struct stoq_identity *queue)
{
	struct stoq_event_happening event = {
		.what = what, .time_ns = time_ns, .duration_ns = duration_ns};

	snprintf(event.reason, sizeof(event.reason), "%s", reason);
	stoq_history_add(history, &event, queue);
}

/* The latest is on top; `back` of them are passed over. */
static void test_events(void **state)
{
	static struct stoq_history history;
	static struct fixture fixture;
	struct stoq_view view = {.cursor = true, .history = &history, .show_history = true};
	struct stoq_identity queue = fixture_nobody();
	char *text;

	setenv("TZ", "UTC", 1);
	fixture_init(&fixture);
	history.unix_offset_ns = 1600000000000000000u;
	strcpy(queue.host_address, "192.0.2.1:40000");
	strcpy(queue.controller_address, "[2001:db8::1234:5678:9abc]:4420");
	add_event(&history, STOQ_HAPPENED_NEGOTIATION_FAILED, 1000000, 57100,
		"the host asked for header and data digests, the controller agreed to no digests",
		&queue);
	strcpy(queue.controller_address, "192.0.2.2:4420");
	strcpy(queue.host_nqn, "nqn.2026-11.example:db7");
	strcpy(queue.subsystem_nqn, "nqn.2026-11.example:store1");
	queue.cntlid = 1;
	queue.qid = 0;
	add_event(
		&history, STOQ_HAPPENED_CONNECT, 2000000, 0, "keep alive timeout 5000 ms", &queue);
	add_event(&history, STOQ_HAPPENED_DISCONNECT, 3000000000, 2998000000, "", &queue);
	fixture.model.happenings[STOQ_HAPPENED_CONNECT] = 1;
	fixture.model.happenings[STOQ_HAPPENED_DISCONNECT] = 1;
	fixture.model.happenings[STOQ_HAPPENED_NEGOTIATION_FAILED] = 1;
	assert_golden("events-80x24", screen_text(&fixture.model, &view, 80, 24));
	assert_golden("events-100x24", screen_text(&fixture.model, &view, 100, 24));
	assert_golden("events-200x24", screen_text(&fixture.model, &view, 200, 24));
	view.history_back = 2;
	text = screen_text(&fixture.model, &view, 80, 24);
	assert_null(strstr(text, "store1"));
	assert_non_null(strstr(text, "digests"));
	free(text);
	for (unsigned int size = 1; size < 100; size++)
		free(screen_text(&fixture.model, &view, size, size % 31 + 1));
}

static void test_the_last_events_are_kept(void **state)
{
	static struct stoq_history history;
	const struct stoq_identity queue = fixture_nobody();

	for (uint64_t i = 0; i < STOQ_HISTORY_MAX + 10; i++)
		add_event(&history, STOQ_HAPPENED_CONNECT, i, 0, "", &queue);
	assert_int_equal(stoq_history_at(&history, 0)->event.time_ns, STOQ_HISTORY_MAX + 9);
	assert_int_equal(stoq_history_at(&history, STOQ_HISTORY_MAX - 1)->event.time_ns, 10);
	assert_null(stoq_history_at(&history, STOQ_HISTORY_MAX));
}

static void test_help(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.help = true};

	fixture_init(&fixture);
	assert_golden("help-80x24", screen_text(&fixture.model, &view, 80, 24));
}

static void test_text(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.unicode = true, .totals = true};
	char *text;

	fixture_init(&fixture);
	assert_int_equal(stoq_render_text(&text, &fixture.model, &view, 80, true), 0);
	assert_golden("totals", text);
}

/* Nothing is cut in the middle of a word or a number. */
static void test_narrow(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.cursor = true};

	fixture_init(&fixture);
	assert_golden("opcode-40x16", screen_text(&fixture.model, &view, 40, 16));
	assert_golden("opcode-30x30", screen_text(&fixture.model, &view, 30, 30));
	assert_golden("opcode-20x5", screen_text(&fixture.model, &view, 20, 5));
}

static void test_gone_interface(void **state)
{
	static struct fixture fixture;
	static const bool gone[] = {false, true};
	const struct stoq_view view = {.cursor = true};
	char *text;

	fixture_init(&fixture);
	fixture.model.gone = gone;
	text = screen_text(&fixture.model, &view, 80, 24);
	assert_non_null(strstr(text, " (gone) (tcx link)"));
	free(text);
}

#define MANY 200

/* The table's heading, with row number at selected. */
static void assert_heading(enum stoq_axis axis, size_t at, const char *expected)
{
	static struct stoq_group groups[MANY];
	struct stoq_view view = {.cursor = true, .has_selection = true};
	struct stoq_model model = {
		.axis = axis, .interval_ns = 1000000000, .groups = groups, .group_count = MANY};
	char *text, *line;

	for (size_t i = 0; i < MANY; i++) {
		groups[i].identity = fixture_nobody();
		groups[i].identity.nsid = groups[i].identity.qid = (int32_t)i;
		groups[i].interval.commands = 1;
	}
	view.selection = groups[at].identity;
	text = screen_text(&model, &view, 80, 24);
	line = strstr(text, "IOPS   MB/s");
	assert_non_null(line);
	while (line > text && line[-1] != '\n')
		line--;
	assert_memory_equal(line, expected, strlen(expected));
	free(text);
}

static void test_heading_says_which_rows(void **state)
{
	assert_heading(STOQ_BY_QUEUE, 0, "  By queue 1-9/200  IOPS");
	assert_heading(STOQ_BY_QUEUE, 149, "  142-150/200       IOPS");
	assert_heading(STOQ_BY_NAMESPACE, 0, "  1-9/200           IOPS");
}

static void test_nothing_yet(void **state)
{
	static const struct stoq_model model = {.axis = STOQ_BY_HOST, .interval_ns = 1000000000};
	const struct stoq_view view = {.cursor = true};

	assert_golden("empty-80x24", screen_text(&model, &view, 80, 24));
}

/* No size, no state and no string from the wire may write outside or emit control bytes. */
static void test_any_size(void **state)
{
	static struct fixture fixture;

	fixture_init(&fixture);
	set_queues(&fixture);
	memset(fixture.groups[0].identity.host_nqn, 0x1b, NVME_NQN_LENGTH - 1);
	for (int i = 0; i < STOQ_COUNTERS; i++)
		fixture.model.counters[i] = UINT64_MAX;
	for (unsigned int size = 1; size < 200; size++) {
		struct stoq_view view = {.unicode = true,
			.cursor = true,
			.help = size % 7 == 0,
			.totals = size % 2,
			.has_selection = size % 3};
		unsigned int height = size * 3 % 61 + 1;
		char *text;

		fixture.model.axis = (enum stoq_axis)(size % STOQ_AXES);
		view.selection = fixture.groups[2].identity;
		text = screen_text(&fixture.model, &view, size, height);
		for (const char *c = text; *c; c++)
			assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
		assert_null(strchr(text, 0x7f));
		free(text);
		assert_int_equal(stoq_render_text(&text, &fixture.model, &view, size, true), 0);
		free(text);
	}
}

/* The histogram's axis: marks that are cut would be taken for others. */
static void assert_marks_whole(const char *axis, unsigned int width)
{
	static const char *const whole[] = {
		"^p50", "^p95", "^p99", "^p99.9", "p50^", "p95^", "p99^", "p99.9^"};
	char copy[1024], *rest = copy, *mark;

	snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(axis, "\n"), axis);
	if (!strstr(copy, "p50") || !strstr(copy, "p99.9"))
		fail_msg("at %u columns a mark is missing: %s", width, copy);
	while ((mark = strsep(&rest, "- "))) {
		bool known = !*mark;

		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
			known |= strcmp(mark, whole[i]) == 0;
		if (!known)
			fail_msg("at %u columns '%s' is no mark: %s", width, mark, copy);
	}
}

static void test_marks_are_whole(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {.cursor = true};

	for (unsigned int span = 2; span < 24; span++) {
		fixture_init(&fixture);
		memset(&fixture.model.overall, 0, sizeof(fixture.model.overall));
		fixture_record(&fixture.model.overall, 30000, 1000, 0);
		fixture_record(&fixture.model.overall, 30000ull << span / 2, 40, 0);
		fixture_record(&fixture.model.overall, (30000ull << span) / 3, 8, 0);
		fixture_record(&fixture.model.overall, 30000ull << span, 2, 0);
		for (unsigned int width = 60; width <= 250; width++) {
			char *text = screen_text(&fixture.model, &view, width, 40);
			char *axis = strrchr(text, '^');

			assert_non_null(axis);
			while (axis > text && axis[-1] != '\n')
				axis--;
			if (span > 4)
				assert_marks_whole(axis, width);
			free(text);
		}
	}
}

static void test_one_slow_command_is_drawn(void **state)
{
	static struct fixture fixture;
	const struct stoq_view view = {0};
	char *text, *dot;

	fixture_init(&fixture);
	text = screen_text(&fixture.model, &view, 80, 30);
	dot = strstr(text, "0 #");
	assert_non_null(dot);
	assert_non_null(strchr(dot, '.'));
	free(text);
}

static void test_selection_follows_its_group(void **state)
{
	static struct fixture fixture;
	struct stoq_view view = {0};
	struct stoq_group swap;

	fixture_init(&fixture);
	stoq_view_move(&view, &fixture.model, -1);
	assert_false(view.has_selection);
	stoq_view_move(&view, &fixture.model, 2);
	assert_int_equal(view.selection.opcode, NVME_NVM_WRITE);
	swap = fixture.groups[0];
	fixture.groups[0] = fixture.groups[1];
	fixture.groups[1] = swap;
	stoq_view_move(&view, &fixture.model, 1);
	assert_int_equal(view.selection.opcode, NVME_NVM_READ);
	stoq_view_move(&view, &fixture.model, 99);
	assert_int_equal(view.selection.opcode, NVME_NVM_FLUSH);
	stoq_view_move(&view, &fixture.model, -99);
	assert_false(view.has_selection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_80_columns),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_80_columns_ascii_by_queue),
		cmocka_unit_test(test_140_columns),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_the_last_events_are_kept),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_gone_interface),
		cmocka_unit_test(test_heading_says_which_rows),
		cmocka_unit_test(test_nothing_yet),
		cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_marks_are_whole),
		cmocka_unit_test(test_one_slow_command_is_drawn),
		cmocka_unit_test(test_selection_follows_its_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
