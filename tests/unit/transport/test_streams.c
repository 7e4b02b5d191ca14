// SPDX-License-Identifier: BSD-2-Clause
/* Streams and datagrams: limits, backpressure, resets in every state, the graceful end. */
#include "tests/unit/transport/rig.h"

#include "transport/connection.h"

static uint8_t data[4000000];

static void start(struct rig *rig)
{
	rig_start(rig);
	rig_set_link(rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	rig_connected(rig);
	rig_fill(data, sizeof(data), 0);
}

static struct stoq_stream *open_stream(struct rig *rig, enum stoq_stream_kind kind)
{
	struct stoq_stream *stream = NULL;

	assert_int_equal(stoq_stream_open(rig->client.connection, kind, &stream), 0);
	return stream;
}

static bool server_finished(struct rig *rig)
{
	return rig->server.finished > 0;
}

static void finish(struct rig *rig)
{
	stoq_connection_close(rig->client.connection, 0, "");
	rig_run(rig, 5 * RIG_S);
	rig_assert_idle(rig);
	rig_stop(rig);
}

/* The end comes by itself: without bytes, but not without a pointer (the rig looks). */
static void test_end_may_come_alone(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 1);
	start(&rig);
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 1, 0), 1);
	rig_run(&rig, RIG_S);
	assert_int_equal(stoq_stream_write(stream, NULL, 0, STOQ_FINISH), 0);
	assert_true(rig_run_until(&rig, server_finished, 10 * RIG_S));
	finish(&rig);
}

/* ---- backpressure ---- */

static void test_reader_that_pauses_holds_the_writer(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 1);
	rig.server.config.stream_window_bytes = 65536;
	rig.server.config.max_stream_window_bytes = 65536;
	rig.server.take_max = 0;
	start(&rig);
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 1000000, STOQ_FINISH), 1000000);
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig.server.received, 0);
	assert_int_equal(rig_metrics(&rig.server).buffered_receive_bytes, 65536);
	rig.server.take_max = 1000;
	for (int i = 0; i < 200; i++) {
		stoq_stream_resume(rig.server.stream);
		rig_run(&rig, 10 * RIG_MS);
	}
	/* At the end of a block there is an offer of what is left of it, and one of the next. */
	assert_in_range(rig.server.received, 200 * 1000, 210 * 1000);
	rig.server.take_max = SIZE_MAX;
	stoq_stream_resume(rig.server.stream);
	assert_true(rig_run_until(&rig, server_finished, 10 * RIG_S));
	assert_int_equal(rig.server.received, 1000000);
	assert_true(rig.server.hash == rig_hash(0, data, 1000000));
	finish(&rig);
}

/* Resumed, but not asked yet when more comes: the order stays. */
static void test_what_comes_after_a_resume_waits_its_turn(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 13);
	rig.server.take_max = 0;
	start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){0});
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 1000, 0), 1000);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig_metrics(&rig.server).buffered_receive_bytes, 1000);
	assert_int_equal(stoq_stream_write(stream, data + 1000, 100, STOQ_FINISH), 100);
	rig.now_ns += RIG_MS;
	assert_int_equal(stoq_transport_process(rig.client.transport, 0, rig.now_ns), 0);
	rig.server.take_max = SIZE_MAX;
	stoq_stream_resume(rig.server.stream);
	assert_true(rig_run_until(&rig, server_finished, RIG_S));
	assert_int_equal(rig.server.received, 1100);
	assert_true(rig.server.hash == rig_hash(0, data, 1100));
	finish(&rig);
}

static void test_connection_window_bounds_all_streams(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 2);
	rig.server.config.window_bytes = 100000;
	rig.server.config.max_window_bytes = 100000;
	rig.server.config.stream_window_bytes = 65536;
	rig.server.take_max = 0;
	start(&rig);
	for (int i = 0; i < 4; i++) {
		struct stoq_stream *stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);

		assert_int_equal(stoq_stream_write(stream, data, 65536, STOQ_FINISH), 65536);
	}
	rig_run(&rig, 5 * RIG_S);
	assert_int_equal(rig_metrics(&rig.server).buffered_receive_bytes, 100000);
	finish(&rig);
}

static void test_write_takes_what_fits_and_tells_when_there_is_room(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 3);
	rig.client.config.send_buffer_bytes = 100000;
	start(&rig);
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 300000, STOQ_FINISH), 100000);
	assert_int_equal(stoq_stream_write(stream, data, 1, 0), 0);
	assert_int_equal(stoq_stream_room(stream), 0);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.writable, 1);
	assert_int_equal(stoq_stream_write(stream, data + 100000, 100000, STOQ_FINISH), 100000);
	assert_int_equal(stoq_stream_write(stream, data, 1, 0), -EPIPE);
	assert_true(rig_run_until(&rig, server_finished, RIG_S));
	assert_true(rig.server.hash == rig_hash(0, data, 200000));
	finish(&rig);
}

static void count_release(void *argument)
{
	(*(unsigned int *)argument)++;
}

static void test_owned_memory_is_released_once_acknowledged(void **state)
{
	unsigned int released = 0;
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 4);
	rig.client.config.send_buffer_bytes = 1000000;
	start(&rig);
	stream = open_stream(&rig, STOQ_BIDIRECTIONAL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(stoq_stream_write_owned(stream, data + i * 100000, 100000, 0,
					 count_release, &released),
			0);
	assert_int_equal(
		stoq_stream_write_owned(stream, data, 1, 0, count_release, &released), -EAGAIN);
	assert_int_equal(released, 0);
	rig_run(&rig, RIG_S);
	assert_int_equal(released, 10);
	assert_int_equal(rig.server.received, 1000000);
	assert_true(rig.server.hash == rig_hash(0, data, 1000000));
	/* Larger than the buffer: goes alone. And one that is never acknowledged. */
	rig_set_link(&rig, &(struct stoq_memory_link){.loss_ppm = 1000000});
	assert_int_equal(stoq_stream_write_owned(
				 stream, data, 2000000, STOQ_FINISH, count_release, &released),
		0);
	rig_run(&rig, RIG_S);
	assert_int_equal(released, 10);
	stoq_connection_close(rig.client.connection, 1, "");
	rig_run(&rig, RIG_S);
	assert_int_equal(released, 11);
	rig_stop(&rig);
}

static void test_windows_grow(void **state)
{
	struct stoq_stream *stream;
	uint64_t begun_ns;
	struct rig rig;

	rig_prepare(&rig, 5);
	rig.server.config.stream_window_bytes = 16384;
	rig.server.config.window_bytes = 16384;
	start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = 20 * RIG_MS});
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	begun_ns = rig.now_ns;
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	assert_true(rig_run_until(&rig, server_finished, 60 * RIG_S));
	/* With a window that stays it would take 4 MB / 16 KiB round trips of 40 ms: 10 s. */
	assert_true(rig.now_ns - begun_ns < 3 * RIG_S);
	finish(&rig);
}

/* ---- limits ---- */

static void test_stream_limit(void **state)
{
	struct stoq_stream *streams[3], *more;
	struct rig rig;

	rig_prepare(&rig, 10);
	rig.server.config.max_bidirectional_streams = 3;
	rig.server.echo = true;
	start(&rig);
	for (int i = 0; i < 3; i++)
		streams[i] = open_stream(&rig, STOQ_BIDIRECTIONAL);
	assert_int_equal(
		stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &more), -EAGAIN);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.available, 0);
	assert_int_equal(stoq_stream_write(streams[0], "x", 1, STOQ_FINISH), 1);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.client.available, 1);
	assert_int_equal(rig.client.streams_closed, 1);
	open_stream(&rig, STOQ_BIDIRECTIONAL);
	assert_int_equal(
		stoq_stream_open(rig.client.connection, STOQ_BIDIRECTIONAL, &more), -EAGAIN);
	finish(&rig);
}

static void test_a_thousand_streams(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 11);
	rig.server.config.max_bidirectional_streams = 1000;
	rig.server.echo = true;
	start(&rig);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS, .loss_ppm = 10000});
	for (int i = 0; i < 1000; i++) {
		struct stoq_stream *stream = open_stream(&rig, STOQ_BIDIRECTIONAL);

		assert_int_equal(stoq_stream_write(stream, data, 10000, STOQ_FINISH), 10000);
	}
	rig_run(&rig, 30 * RIG_S);
	assert_int_equal(rig.server.streams_opened, 1000);
	assert_int_equal(rig.server.received, 1000 * 10000);
	assert_int_equal(rig.client.received, 1000 * 10000);
	assert_int_equal(rig.client.finished, 1000);
	assert_int_equal(rig.client.streams_closed, 1000);
	assert_int_equal(rig.server.streams_closed, 1000);
	finish(&rig);
}

/* ---- resets ---- */

enum when { BEFORE_ANYTHING, WITH_DATA_UNSENT, WITH_DATA_ON_THE_WAY, WITH_DATA_UNREAD, FINISHED };

static void come_to(struct rig *rig, struct stoq_stream *stream, enum when when)
{
	rig->server.take_max = when == WITH_DATA_UNREAD || when == FINISHED ? 0 : SIZE_MAX;
	if (when != BEFORE_ANYTHING)
		assert_int_equal(
			stoq_stream_write(stream, data, 50000, when == FINISHED ? STOQ_FINISH : 0),
			50000);
	if (when == WITH_DATA_ON_THE_WAY)
		rig_run(rig, RIG_MS / 2);
	if (when == WITH_DATA_UNREAD || when == FINISHED)
		rig_run(rig, RIG_S);
}

static void test_reset_in_every_state(void **state)
{
	for (enum when when = BEFORE_ANYTHING; when <= FINISHED; when++) {
		struct stoq_stream *stream;
		struct rig rig;

		rig_prepare(&rig, 20 + when);
		start(&rig);
		stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
		come_to(&rig, stream, when);
		if (when == FINISHED) {
			/* Acknowledged: the stream is over for the writer, not for the reader. */
			assert_int_equal(rig.client.streams_closed, 1);
			assert_int_equal(rig.server.streams_closed, 0);
			rig.server.take_max = SIZE_MAX;
			stoq_stream_resume(rig.server.stream);
			rig_run(&rig, RIG_S);
			assert_int_equal(rig.server.finished, 1);
		} else {
			stoq_stream_reset(stream, 55);
			assert_int_equal(stoq_stream_write(stream, "x", 1, 0), -EPIPE);
			rig_run(&rig, RIG_S);
			/* Of a stream that nothing was sent on the server has never heard. */
			assert_int_equal(rig.server.resets, rig.server.streams_opened);
			assert_int_equal(rig.server.stream_code, rig.server.resets ? 55 : 0);
			if (when >= WITH_DATA_ON_THE_WAY)
				assert_int_equal(rig.server.resets, 1);
		}
		assert_int_equal(rig.client.streams_closed, 1);
		assert_int_equal(rig.server.streams_closed, rig.server.streams_opened);
		finish(&rig);
	}
}

static void test_stop_in_every_state(void **state)
{
	for (enum when when = WITH_DATA_ON_THE_WAY; when <= FINISHED; when++) {
		struct stoq_stream *stream;
		struct rig rig;

		rig_prepare(&rig, 30 + when);
		start(&rig);
		stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
		come_to(&rig, stream, when);
		rig_run(&rig, RIG_MS);
		stoq_stream_stop(rig.server.stream, 66);
		rig_run(&rig, RIG_S);
		if (when != FINISHED)
			assert_int_equal(rig.client.close_code, 66);
		assert_int_equal(rig.client.streams_closed, 1);
		assert_int_equal(rig.server.streams_closed, 1);
		assert_int_equal(rig_metrics(&rig.server).buffered_receive_bytes, 0);
		finish(&rig);
	}
}

/* What was reset or stopped must give back the credit that it holds. */
static void test_resets_do_not_eat_the_connections_window(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 40);
	rig.server.config.window_bytes = 100000;
	rig.server.config.max_window_bytes = 100000;
	rig.server.take_max = 0;
	start(&rig);
	for (int i = 0; i < 20; i++) {
		struct stoq_stream *stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);

		assert_int_equal(stoq_stream_write(stream, data, 80000, 0), 80000);
		rig_run(&rig, RIG_S);
		assert_int_equal(rig_metrics(&rig.server).buffered_receive_bytes, 80000);
		if (i % 2)
			stoq_stream_reset(stream, 1);
		else
			stoq_stream_stop(rig.server.stream, 1);
		rig_run(&rig, RIG_S);
	}
	assert_int_equal(rig.server.streams_closed, 20);
	finish(&rig);
}

static void stop_at_once(struct rig_side *side, struct stoq_stream *stream)
{
	stoq_stream_stop(stream, 9);
	if (!(stoq_stream_id(stream) & 2))
		stoq_stream_reset(stream, 10);
}

static void test_refused_in_the_callback(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 41);
	rig.server.on_stream = stop_at_once;
	start(&rig);
	stream = open_stream(&rig, STOQ_BIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 50000, 0), 50000);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.received, 0);
	assert_int_equal(rig.client.resets, 1);
	assert_int_equal(rig.client.streams_closed, 1);
	finish(&rig);
}

static void close_at_once(struct rig_side *side, struct stoq_stream *stream)
{
	stoq_connection_close(stoq_stream_connection(stream), 5, "no streams, please");
}

static void test_connection_closed_in_the_callback(void **state)
{
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 42);
	rig.server.on_stream = close_at_once;
	start(&rig);
	stream = open_stream(&rig, STOQ_BIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, 50000, 0), 50000);
	assert_true(rig_run_until(&rig, rig_both_closed, RIG_S));
	assert_int_equal(rig.client.close.code, 5);
	assert_int_equal(rig.client.streams_closed, 1);
	assert_int_equal(rig.server.received, 0);
	rig_run(&rig, 5 * RIG_S);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

/* ---- the end ---- */

static void test_shutdown_waits_for_what_was_written(void **state)
{
	struct stoq_stream *stream, *more;
	struct rig rig;

	rig_prepare(&rig, 50);
	start(&rig);
	stream = open_stream(&rig, STOQ_UNIDIRECTIONAL);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	stoq_connection_shutdown(rig.client.connection);
	assert_int_equal(
		stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &more), -ESHUTDOWN);
	assert_true(rig_run_until(&rig, rig_both_closed, 10 * RIG_S));
	assert_int_equal(rig.server.received, sizeof(data));
	assert_int_equal(rig.server.finished, 1);
	assert_int_equal(rig.server.close.code, 0);
	rig_stop(&rig);
}

/* ---- datagrams ---- */

static void test_datagrams(void **state)
{
	struct rig rig;
	uint64_t id;

	rig_prepare(&rig, 60);
	start(&rig);
	rig_run(&rig, RIG_S);
	for (int i = 0; i < 64; i++)
		assert_int_equal(
			stoq_connection_send_datagram(rig.client.connection, data, 1 + i * 10, &id),
			0);
	assert_int_equal(
		stoq_connection_send_datagram(rig.client.connection, data, 1, &id), -EAGAIN);
	assert_int_equal(stoq_connection_send_datagram(rig.client.connection, data,
				 stoq_connection_max_datagram(rig.client.connection) + 1, &id),
		-EMSGSIZE);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.datagrams, 64);
	assert_int_equal(rig.server.last_datagram, 631);
	assert_int_equal(rig.client.datagrams_arrived, 64);
	/* The largest there is, and an empty one. By now it is known that more than 1200 pass. */
	assert_true(stoq_connection_max_datagram(rig.client.connection) > 1200);
	assert_int_equal(stoq_connection_send_datagram(rig.client.connection, data,
				 stoq_connection_max_datagram(rig.client.connection), NULL),
		0);
	assert_int_equal(stoq_connection_send_datagram(rig.client.connection, NULL, 0, NULL), 0);
	rig_run(&rig, RIG_S);
	assert_int_equal(rig.server.datagrams, 66);
	assert_int_equal(rig.server.last_datagram, 0);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS, .loss_ppm = 500000});
	for (int i = 0; i < 60; i++) {
		assert_int_equal(
			stoq_connection_send_datagram(rig.client.connection, data, 100, NULL), 0);
		rig_run(&rig, 5 * RIG_MS);
	}
	rig_run(&rig, RIG_S);
	rig_set_link(&rig, &(struct stoq_memory_link){.delay_ns = RIG_MS});
	/* Losses show when something later is acknowledged. */
	assert_int_equal(
		stoq_stream_write(open_stream(&rig, STOQ_UNIDIRECTIONAL), data, 400000, 0), 400000);
	rig_run(&rig, 10 * RIG_S);
	assert_int_equal(rig.client.datagrams_arrived + rig.client.datagrams_lost, 64 + 2 + 60);
	assert_true(rig.client.datagrams_lost > 5);
	finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_may_come_alone),
		cmocka_unit_test(test_reader_that_pauses_holds_the_writer),
		cmocka_unit_test(test_what_comes_after_a_resume_waits_its_turn),
		cmocka_unit_test(test_connection_window_bounds_all_streams),
		cmocka_unit_test(test_write_takes_what_fits_and_tells_when_there_is_room),
		cmocka_unit_test(test_owned_memory_is_released_once_acknowledged),
		cmocka_unit_test(test_windows_grow),
		cmocka_unit_test(test_stream_limit),
		cmocka_unit_test(test_a_thousand_streams),
		cmocka_unit_test(test_reset_in_every_state),
		cmocka_unit_test(test_stop_in_every_state),
		cmocka_unit_test(test_resets_do_not_eat_the_connections_window),
		cmocka_unit_test(test_refused_in_the_callback),
		cmocka_unit_test(test_connection_closed_in_the_callback),
		cmocka_unit_test(test_shutdown_waits_for_what_was_written),
		cmocka_unit_test(test_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
