// SPDX-License-Identifier: BSD-2-Clause
/* Captures, read as `stoq watch -r` reads them, against what is known to be in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/file.h"
#include "capture_file.h"
#include "talk.h"
#include "tests/unit/nvme/sample_stream.h"
#include "watch/capture.h"
#include "watch/ledger.h"

#define ETHERNET 1
#define COMMANDS 200

struct reading {
	struct stoq_watch *watch;
	const struct stoq_model *model;
	struct stoq_capture_notes notes;
	struct stoq_error error;
	int result; /* of opening or of reading */
};

static int on_packet(void *context, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	stoq_watch_packet(context, packet, now_ns);
	return 0;
}

static void read_bytes(struct reading *reading, void *bytes, size_t length)
{
	struct stoq_watch_config config;
	struct stoq_capture_file *capture;
	struct stoq_capture_sink sink = {on_packet, NULL};

	*reading = (struct reading){0};
	stoq_watch_config_init(&config);
	config.max_flows = 64;
	config.max_series = 64;
	config.max_commands = 1;
	config.max_early = 1;
	config.stages = true;
	reading->result = stoq_capture_open(
		&capture, fmemopen(bytes, length, "rb"), "test.pcap", &reading->error);
	if (reading->result)
		return;
	assert_int_equal(stoq_watch_open_capture(&reading->watch, &config, "capture", "test.pcap",
				 NULL, &reading->error),
		0);
	sink.context = reading->watch;
	do
		reading->result = stoq_capture_read(capture, &sink, 100, &reading->error);
	while (reading->result == 1);
	reading->notes = *stoq_capture_notes(capture);
	assert_int_equal(stoq_watch_update(reading->watch, &reading->model, &reading->error), 0);
	stoq_capture_close(capture);
}

static void read_file(struct reading *reading, struct capture_file *file)
{
	capture_file_end(file);
	read_bytes(reading, file->bytes, file->length);
	free(file->bytes);
}

static void end_reading(struct reading *reading)
{
	stoq_watch_close(reading->watch);
}

/* All of the conversation's frames, or those from `first` on. */
static void write_talk(struct capture_file *file, const struct talk *talk, size_t first)
{
	for (size_t i = first; i < talk->frame_count; i++)
		capture_file_add(file, talk->frames[i].bytes, talk->frames[i].length,
			talk->frames[i].time_ns);
}

static uint64_t sum_of_stages(const struct stoq_statistics *statistics)
{
	uint64_t sum_ns = 0;

	for (int i = 0; i < STOQ_STAGES; i++)
		sum_ns += statistics->stages[i].sum_ns;
	return sum_ns;
}

static void assert_exact(const struct reading *reading, const struct talk *talk)
{
	const struct stoq_model *model = reading->model;
	const struct stoq_statistics *total = &model->overall.total;

	assert_int_equal(reading->result, 0);
	assert_int_equal(model->pdus, talk_pdus(talk));
	assert_int_equal(total->commands, talk->commands);
	assert_int_equal(total->errors, talk->errors);
	assert_int_equal(total->bytes, talk->bytes);
	assert_int_equal(total->latency.max_ns, TALK_LATENCY_NS);
	assert_int_equal(total->latency.sum_ns, TALK_LATENCY_NS * talk->commands);
	assert_int_equal(sum_of_stages(total), TALK_LATENCY_NS * talk->commands);
	assert_int_equal(model->unmatched, 0);
	assert_int_equal(model->unended, 0);
	assert_int_equal(model->unsynced_bytes, 0);
	assert_int_equal(model->overall.outstanding, 0);
}

static void assert_named(const struct reading *reading)
{
	assert_int_equal(reading->model->flow_count, 1);
	assert_string_equal(reading->model->flows[0].identity.host_nqn, TALK_HOST_NQN);
	assert_string_equal(reading->model->flows[0].identity.subsystem_nqn, TALK_SUBSYSTEM_NQN);
	assert_int_equal(reading->model->flows[0].identity.cntlid, 5);
}

static void test_every_form_and_link(void **state)
{
	static const int links[] = {ETHERNET, 0, 101, 108, 113, 276};

	for (int form = 0; form < CAPTURE_FORMS; form++) {
		for (size_t i = 0; i < 2 * sizeof(links) / sizeof(links[0]); i++) {
			struct talk talk;
			struct capture_file file;
			struct reading reading;

			talk_init(&talk);
			talk.path.ipv6 = i % 2;
			talk.path.vlan_tags = links[i / 2] == ETHERNET || links[i / 2] > 110;
			talk.path.vlan_id = 7;
			talk_make(&talk, 25);
			capture_file_begin(&file, form, links[i / 2], 0);
			write_talk(&file, &talk, 0);
			read_file(&reading, &file);
			assert_exact(&reading, &talk);
			assert_named(&reading);
			assert_int_equal(reading.notes.packets, talk.frame_count);
			assert_int_equal(reading.notes.cut + reading.notes.other, 0);
			end_reading(&reading);
			talk_free(&talk);
		}
	}
}

static void test_cut_sent_twice_and_out_of_order(void **state)
{
	for (uint32_t seed = 1; seed <= 30; seed++) {
		struct talk talk;
		struct capture_file file;
		struct reading reading;

		talk_init(&talk);
		talk.random = seed;
		talk.piece = seed % 3 ? 1400 : 60;
		talk.format.header_digest = seed & 1;
		talk.format.data_digest = seed & 2;
		talk.format.data_alignment = seed & 4 ? 7 : 0;
		talk_make(&talk, 40);
		/* Neighbours of one side change places, as far as they have the same time. */
		for (size_t i = talk.first_io; i + 1 < talk.frame_count; i++) {
			struct talk_frame one = talk.frames[i], other = talk.frames[i + 1];

			if (sample_random(&talk.random) % 3 || one.time_ns != other.time_ns ||
				one.from_controller != other.from_controller)
				continue;
			talk.frames[i] = other;
			talk.frames[i + 1] = one;
		}
		capture_file_begin(&file, CAPTURE_NANOSECONDS, ETHERNET, 0);
		for (size_t i = 0; i < talk.frame_count; i++)
			for (int twice = sample_random(&talk.random) % 4 == 0; twice >= 0; twice--)
				capture_file_add(&file, talk.frames[i].bytes, talk.frames[i].length,
					talk.frames[i].time_ns);
		read_file(&reading, &file);
		assert_exact(&reading, &talk);
		assert_named(&reading);
		end_reading(&reading);
		talk_free(&talk);
	}
}

/* Frames of which 66 bytes are Ethernet, IPv4 and TCP with options, and PDUs that begin with them. */
static void read_snapped(struct reading *reading, struct talk *talk, uint32_t snap)
{
	struct capture_file file;

	talk_init(talk);
	talk->path.tcp_option_words = 3;
	talk_make(talk, COMMANDS);
	capture_file_begin(&file, CAPTURE_MICROSECONDS, ETHERNET, snap);
	write_talk(&file, talk, 0);
	read_file(reading, &file);
	assert_int_equal(reading->result, 0);
	assert_int_equal(reading->notes.cut_at, snap);
	assert_true(reading->notes.cut > 0);
}

/* 66 bytes and a command's 72: all headers are there, data are not. */
static void test_snap_length_that_has_the_headers(void **state)
{
	static const uint32_t snaps[] = {138, 160, 256, 1000};

	for (size_t i = 0; i < sizeof(snaps) / sizeof(snaps[0]); i++) {
		struct reading reading;
		struct talk talk;

		read_snapped(&reading, &talk, snaps[i]);
		/* ICReq and ICResp have 128 bytes of their own; Connect's data are not there. */
		if (snaps[i] >= 194)
			assert_exact(&reading, &talk);
		assert_int_equal(reading.model->overall.total.commands, talk.commands);
		assert_int_equal(reading.model->overall.total.bytes, talk.bytes);
		assert_int_equal(reading.model->overall.total.errors, talk.errors);
		assert_string_equal(reading.model->flows[0].identity.host_nqn, "");
		end_reading(&reading);
		talk_free(&talk);
	}
}

/* Commands' headers are cut: responses are seen, and no latency is made up. */
static void test_snap_length_that_cuts_headers(void **state)
{
	struct reading reading;
	struct talk talk;

	read_snapped(&reading, &talk, 100);
	assert_int_equal(reading.model->overall.total.commands, 0);
	assert_int_equal(reading.model->unmatched, talk.commands);
	assert_true(reading.model->counters[STOQ_COUNT_GIVEN_UP] > 0);
	end_reading(&reading);
	talk_free(&talk);
	read_snapped(&reading, &talk, 50); /* within TCP's header */
	assert_int_equal(reading.model->pdus, 0);
	assert_int_equal(reading.model->counters[STOQ_COUNT_MALFORMED], talk.frame_count);
	end_reading(&reading);
	talk_free(&talk);
}

/* The capture begins when the connection is old, between two commands. */
static void test_in_mid_stream(void **state)
{
	struct talk talk, front;
	struct capture_file file;
	struct reading reading;

	talk_init(&talk);
	talk_make(&talk, COMMANDS);
	talk_init(&front);
	talk_make(&front, 60);
	capture_file_begin(&file, CAPTURE_MICROSECONDS, ETHERNET, 0);
	write_talk(&file, &talk, front.frame_count);
	read_file(&reading, &file);
	assert_int_equal(reading.result, 0);
	assert_int_equal(reading.model->flow_states[STOQ_FLOW_SYNCED], 1);
	/* Until both sides are learned a few may be missed; none is made up. */
	assert_in_range(reading.model->overall.total.commands, COMMANDS - 60 - 10, COMMANDS - 60);
	assert_true(reading.model->overall.total.latency.max_ns == TALK_LATENCY_NS);
	end_reading(&reading);
	talk_free(&front);
	talk_free(&talk);
}

static uint64_t usual_latencies(const struct reading *reading)
{
	return reading->model->overall.total.latency.buckets[stoq_latency_bucket(TALK_LATENCY_NS)];
}

/* Packets that the capture lost: what they had is missed and said, the rest is found again. */
static void test_lossy(void **state)
{
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct talk talk;
		struct capture_file file;
		struct reading reading;
		size_t lost = 0;

		talk_init(&talk);
		talk_make(&talk, COMMANDS);
		talk.random = seed;
		capture_file_begin(&file, CAPTURE_NG, ETHERNET, 0);
		for (size_t i = 0; i < talk.frame_count; i++) {
			if (i > talk.first_io && sample_random(&talk.random) % 50 == 0)
				lost++;
			else
				capture_file_add(&file, talk.frames[i].bytes, talk.frames[i].length,
					talk.frames[i].time_ns);
		}
		read_file(&reading, &file);
		assert_int_equal(reading.result, 0);
		assert_true(lost > 0);
		assert_true(reading.model->overall.total.commands < talk.commands);
		assert_true(reading.model->overall.total.commands > talk.commands / 2);
		/* A response that was lost may be taken for that of the command with its CID. */
		assert_true(
			usual_latencies(&reading) + lost >= reading.model->overall.total.commands);
		end_reading(&reading);
		talk_free(&talk);
	}
}

/* The last frame of data, of which other frames were captured. */
static bool is_tail(const struct talk *talk, size_t i)
{
	return i > talk->first_io && i + 1 < talk->frame_count && talk->frames[i].from_controller &&
	       talk->frames[i - 1].from_controller && !talk->frames[i + 1].from_controller &&
	       talk->frames[i].length > 200;
}

/*
 * The last data of reads, which stand for their completions, were not captured, and the next command has the same
 * identifier: it is not taken for the one that ends.
 */
static void test_lost_ends_of_reads(void **state)
{
	struct talk talk;
	struct capture_file file;
	struct reading reading;
	uint64_t lost = 0;

	talk_init(&talk);
	talk.cids = 1;
	talk_make(&talk, COMMANDS);
	capture_file_begin(&file, CAPTURE_NANOSECONDS, ETHERNET, 0);
	for (size_t i = 0; i < talk.frame_count; i++) {
		if (is_tail(&talk, i))
			lost++;
		else
			capture_file_add(&file, talk.frames[i].bytes, talk.frames[i].length,
				talk.frames[i].time_ns);
	}
	read_file(&reading, &file);
	assert_true(lost > 10);
	assert_int_equal(reading.model->unmatched, 0);
	assert_int_equal(reading.model->unended, lost);
	assert_int_equal(reading.model->overall.total.commands, talk.commands - lost);
	assert_int_equal(reading.model->overall.total.errors, talk.errors);
	assert_int_equal(usual_latencies(&reading), talk.commands - lost);
	end_reading(&reading);
	talk_free(&talk);
}

/*
 * Frames in the order in which several queues may hand them over: any two within a few frames change places, of both
 * sides, so that completions stand before their commands.
 */
static void test_acknowledged_before_it_is_captured(void **state)
{
	for (uint32_t seed = 1; seed <= 40; seed++) {
		struct talk talk;
		struct capture_file file;
		struct reading reading;

		talk_init(&talk);
		talk.random = seed;
		talk.piece = seed % 3 ? 1400 : 60;
		talk_make(&talk, COMMANDS);
		for (size_t i = 0; i < talk.frame_count; i++) {
			size_t at = i + sample_random(&talk.random) % 8;
			struct talk_frame one = talk.frames[i];
			uint64_t time_ns = one.time_ns;

			if (at >= talk.frame_count)
				continue;
			one.time_ns = talk.frames[at].time_ns;
			talk.frames[i] = talk.frames[at];
			talk.frames[at] = one;
			talk.frames[i].time_ns = time_ns;
		}
		capture_file_begin(&file, CAPTURE_NANOSECONDS, ETHERNET, 0);
		write_talk(&file, &talk, 0);
		read_file(&reading, &file);
		assert_int_equal(reading.result, 0);
		assert_int_equal(reading.model->pdus, talk_pdus(&talk));
		assert_int_equal(reading.model->overall.total.commands, talk.commands);
		assert_int_equal(reading.model->overall.total.errors, talk.errors);
		assert_int_equal(reading.model->overall.total.bytes, talk.bytes);
		assert_int_equal(reading.model->unmatched + reading.model->unended, 0);
		assert_int_equal(reading.model->unsynced_bytes, 0);
		assert_true(reading.notes.moved > 0);
		assert_named(&reading);
		end_reading(&reading);
		talk_free(&talk);
	}
}

/* Cut at every place: read up to there, and said. */
static void test_truncated_files(void **state)
{
	for (int form = 0; form < CAPTURE_FORMS; form++) {
		struct talk talk;
		struct capture_file file;

		talk_init(&talk);
		talk_make(&talk, 5);
		capture_file_begin(&file, form, ETHERNET, 0);
		write_talk(&file, &talk, 0);
		capture_file_end(&file);
		for (size_t length = 1; length < file.length; length += 1 + length / 4) {
			struct reading reading;

			read_bytes(&reading, file.bytes, length);
			if (length < 24)
				assert_int_equal(reading.result, -EPROTO);
			else if (reading.result)
				assert_int_equal(reading.result, -EPROTO);
			else
				assert_true(reading.notes.packets <= talk.frame_count);
			end_reading(&reading);
		}
		free(file.bytes);
		talk_free(&talk);
	}
}

static void test_a_file_that_ends_in_a_packet(void **state)
{
	struct talk talk;
	struct capture_file file;
	struct reading reading;

	talk_init(&talk);
	talk_make(&talk, 5);
	capture_file_begin(&file, CAPTURE_MICROSECONDS, ETHERNET, 0);
	write_talk(&file, &talk, 0);
	capture_file_end(&file);
	read_bytes(&reading, file.bytes, file.length - 3);
	assert_int_equal(reading.result, 0);
	assert_true(reading.notes.ends_in_packet);
	assert_int_equal(reading.notes.packets, talk.frame_count - 1);
	assert_int_equal(reading.model->overall.total.commands, talk.commands - 1);
	end_reading(&reading);
	free(file.bytes);
	talk_free(&talk);
}

/* A clock that was set back: latencies are never negative, nor 18 minutes. */
static void test_time_that_goes_back(void **state)
{
	struct talk talk;
	struct capture_file file;
	struct reading reading;

	talk_init(&talk);
	talk_make(&talk, 50);
	capture_file_begin(&file, CAPTURE_MICROSECONDS, ETHERNET, 0);
	for (size_t i = 0; i < talk.frame_count; i++)
		capture_file_add(&file, talk.frames[i].bytes, talk.frames[i].length,
			talk.frames[i].time_ns - (i > talk.frame_count / 2 ? 1000000000 : 0));
	read_file(&reading, &file);
	assert_int_equal(reading.result, 0);
	assert_true(reading.notes.backwards > 0);
	assert_int_equal(reading.model->overall.total.commands, talk.commands);
	assert_true(reading.model->overall.total.latency.max_ns <= TALK_LATENCY_NS);
	end_reading(&reading);
	talk_free(&talk);
}

static void test_what_is_not_a_capture(void **state)
{
	static const uint8_t bytes[] =
		"#!/bin/sh\necho this is not one, though it is long enough\n";
	struct capture_file file;
	struct reading reading;

	read_bytes(&reading, (void *)bytes, sizeof(bytes));
	assert_int_equal(reading.result, -EPROTO);
	assert_non_null(strstr(reading.error.text, "test.pcap"));
	capture_file_begin(&file, CAPTURE_MICROSECONDS, 127 /* IEEE 802.11 with radiotap */, 0);
	read_file(&reading, &file);
	assert_int_equal(reading.result, -EPROTO);
	assert_non_null(strstr(reading.error.text, "link type"));
	capture_file_begin(&file, CAPTURE_MICROSECONDS, ETHERNET, 0);
	read_file(&reading, &file);
	assert_int_equal(reading.result, 0);
	assert_int_equal(reading.notes.packets, 0);
	end_reading(&reading);
}

/* Tables of a few entries: everything goes on, and what did not fit is said. */
static void test_more_connections_than_there_is_room_for(void **state)
{
	struct stoq_watch_config config;
	const struct stoq_model *model;
	struct stoq_watch *watch;
	struct stoq_error error;
	struct talk talks[8];
	uint64_t commands = 0;

	stoq_watch_config_init(&config);
	config.max_flows = 3;
	assert_int_equal(stoq_watch_open_capture(&watch, &config, "capture", "x", NULL, &error), 0);
	for (uint16_t i = 0; i < 8; i++) {
		talk_init(&talks[i]);
		talks[i].path.host_port = (uint16_t)(40000 + i);
		talk_make(&talks[i], 20);
		commands += talks[i].commands;
	}
	/* One after the other: each is there while it is needed. */
	for (uint16_t i = 0; i < 8; i++) {
		for (size_t at = 0; at < talks[i].frame_count; at++) {
			const struct talk_frame *frame = &talks[i].frames[at];
			const struct stoq_capture_packet packet = {.bytes = frame->bytes,
				.captured = (uint32_t)frame->length,
				.length = (uint32_t)frame->length};

			stoq_watch_packet(watch, &packet, TALK_START_NS + frame->time_ns % 1000);
		}
		talk_free(&talks[i]);
	}
	assert_int_equal(stoq_watch_update(watch, &model, &error), 0);
	assert_int_equal(model->overall.total.commands, commands);
	assert_int_equal(model->flow_count, 3);
	stoq_watch_close(watch);
}

struct recorded {
	uint64_t commands, of_a_controller;
};

static void on_record(
	void *context, const struct stoq_event_command *event, const struct stoq_ledger_flow *flow)
{
	struct recorded *recorded = context;

	recorded->commands++;
	recorded->of_a_controller += flow->identity.cntlid == 5;
}

static void take_frame(struct stoq_watch *watch, const struct talk_frame *frame)
{
	const struct stoq_capture_packet packet = {.bytes = frame->bytes,
		.captured = (uint32_t)frame->length,
		.length = (uint32_t)frame->length};

	stoq_watch_packet(watch, &packet, frame->time_ns);
}

/* Which controller a connection has is known with the first command behind its Connect, though the connection was
 * seen before: that of another one, at the same time, has ended. */
static void test_what_is_recorded_of_connections(void **state)
{
	struct recorded recorded = {0};
	const struct stoq_event_handlers handlers = {
		.record = on_record, .record_context = &recorded};
	struct stoq_watch_config config;
	struct stoq_watch *watch;
	struct stoq_error error;
	struct talk talks[2];

	stoq_watch_config_init(&config);
	config.record = true;
	assert_int_equal(
		stoq_watch_open_capture(&watch, &config, "capture", "x", &handlers, &error), 0);
	for (uint16_t i = 0; i < 2; i++) {
		talk_init(&talks[i]);
		talks[i].path.host_port = (uint16_t)(40000 + i);
		talk_make(&talks[i], 20);
	}
	for (size_t at = 0; at < talks[0].frame_count; at++) {
		take_frame(watch, &talks[0].frames[at]);
		take_frame(watch, &talks[1].frames[at]);
	}
	assert_int_equal(recorded.commands, 2 * talks[0].commands);
	assert_in_range(recorded.of_a_controller, recorded.commands - 2, recorded.commands);
	talk_free(&talks[0]);
	talk_free(&talks[1]);
	stoq_watch_close(watch);
}

static void test_one_at_a_time(void **state)
{
	struct stoq_watch_config config;
	struct stoq_watch *watch, *second;
	struct stoq_error error;

	stoq_watch_config_init(&config);
	assert_int_equal(stoq_watch_open_capture(&watch, &config, "capture", "x", NULL, &error), 0);
	assert_int_equal(
		stoq_watch_open_capture(&second, &config, "capture", "y", NULL, &error), -EBUSY);
	stoq_watch_close(watch);
	assert_int_equal(stoq_watch_open_capture(&watch, &config, "capture", "x", NULL, &error), 0);
	stoq_watch_close(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form_and_link),
		cmocka_unit_test(test_cut_sent_twice_and_out_of_order),
		cmocka_unit_test(test_snap_length_that_has_the_headers),
		cmocka_unit_test(test_snap_length_that_cuts_headers),
		cmocka_unit_test(test_in_mid_stream),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_lost_ends_of_reads),
		cmocka_unit_test(test_acknowledged_before_it_is_captured),
		cmocka_unit_test(test_truncated_files),
		cmocka_unit_test(test_a_file_that_ends_in_a_packet),
		cmocka_unit_test(test_time_that_goes_back),
		cmocka_unit_test(test_what_is_not_a_capture),
		cmocka_unit_test(test_more_connections_than_there_is_room_for),
		cmocka_unit_test(test_what_is_recorded_of_connections),
		cmocka_unit_test(test_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
