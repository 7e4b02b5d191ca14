// SPDX-License-Identifier: BSD-2-Clause
/* Connections begin and end. */
#include "tests/unit/transport/rig.h"

static void test_handshake(void **state)
{
	struct stoq_connection_info info;
	struct rig rig;

	rig_prepare(&rig, 1);
	rig_start(&rig);
	rig_connected(&rig);
	stoq_connection_info(rig.server.connection, &info);
	assert_string_equal(info.peer_name, "client.test");
	assert_true(info.established && info.server && !info.resumed);
	stoq_connection_info(rig.client.connection, &info);
	assert_string_equal(info.peer_name, "server.test");
	assert_string_equal(info.cipher, "AES-128-GCM");
	rig_stop(&rig);
	assert_int_equal(rig.client.closed, 1);
	assert_int_equal(rig.server.closed, 1);
}

static void test_close_tells_code_and_reason(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 2);
	rig_start(&rig);
	rig_connected(&rig);
	stoq_connection_close(rig.client.connection, 77, "enough");
	assert_true(rig_run_until(&rig, rig_both_closed, RIG_S));
	assert_int_equal(rig.client.close.origin, STOQ_CLOSE_APPLICATION);
	assert_int_equal(rig.server.close.origin, STOQ_CLOSE_PEER_APPLICATION);
	assert_int_equal(rig.server.close.code, 77);
	assert_string_equal(rig.server.close.reason, "enough");
	rig_run(&rig, 10 * RIG_S);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static bool server_has_all(struct rig *rig)
{
	return rig->server.finished == 1;
}

static void test_stream_arrives(void **state)
{
	static uint8_t data[1000000];
	struct stoq_stream *stream;
	struct rig rig;

	rig_prepare(&rig, 3);
	rig_start(&rig);
	rig_connected(&rig);
	rig_fill(data, sizeof(data), 0);
	assert_int_equal(stoq_stream_open(rig.client.connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, data, sizeof(data), STOQ_FINISH), sizeof(data));
	assert_true(rig_run_until(&rig, server_has_all, 10 * RIG_S));
	assert_int_equal(rig.server.received, sizeof(data));
	assert_true(rig.server.hash == rig_hash(0, data, sizeof(data)));
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_close_tells_code_and_reason),
		cmocka_unit_test(test_stream_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
