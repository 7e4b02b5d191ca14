// SPDX-License-Identifier: BSD-2-Clause
/* Transport parameters that RFC 9000, 7.4 and 18.2, forbid, from both sides, and what ngtcp2 is
 * told. */
#include "tests/unit/transport/hostile.h"
#include "transport/frames.h"
#include "transport/parameters.h"
#include "transport/varint.h"

struct wrong_parameters {
	const char *name;
	const char *bytes;
	size_t size;
};

#define PARAMETERS(name, bytes)                                                                    \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1                                                     \
	}
#define TOKEN "0123456789abcdef"
#define ADDRESSES                                                                                  \
	"1234"                                                                                     \
	"56"                                                                                       \
	"123456789abcdef0"                                                                         \
	"12" /* of IPv4 and IPv6, with ports */

/* What a side sends has them already: max_data, max_idle_timeout, max_udp_payload_size, ... */
static const struct wrong_parameters of_both[] = {
	PARAMETERS("initial_max_data twice", "\x04\x01\x05"),
	PARAMETERS("max_idle_timeout twice", "\x01\x01\x05"),
	PARAMETERS("initial_source_connection_id twice", "\x0f\x00"),
	PARAMETERS("initial_max_streams_bidi twice", "\x08\x01\x05"),
	PARAMETERS("max_datagram_frame_size twice", "\x20\x01\x05"),
	PARAMETERS("a twin in another encoding of its number", "\x40\x04\x01\x05"),
	PARAMETERS("an unknown one twice", "\x7f\x00\x01x\x7f\x00\x00"),
	PARAMETERS("one that is cut off", "\x7f\x00\x05x"),
	PARAMETERS("a number without a length", "\x7f"),
	PARAMETERS("max_udp_payload_size below 1200", "\x03\x02\x44\xaf"),
	PARAMETERS("ack_delay_exponent above 20", "\x0a\x01\x15"),
	PARAMETERS("disable_active_migration with a value", "\x0c\x01x"),
};

static const struct wrong_parameters of_client[] = {
	PARAMETERS("original_destination_connection_id", "\x00\x08"
							 "abcdefgh"),
	PARAMETERS("stateless_reset_token", "\x02\x10" TOKEN),
	PARAMETERS("retry_source_connection_id", "\x10\x08"
						 "abcdefgh"),
};

static const struct wrong_parameters of_server[] = {
	PARAMETERS("stateless_reset_token twice", "\x02\x10" TOKEN),
	PARAMETERS("retry_source_connection_id without a Retry", "\x10\x08"
								 "abcdefgh"),
};

/* Each in the place of the one that is sent else. */
static const struct wrong_parameters in_its_place[] = {
	PARAMETERS("active_connection_id_limit of 0", "\x0e\x01\x00"),
	PARAMETERS("active_connection_id_limit of 1", "\x0e\x01\x01"),
	PARAMETERS("max_ack_delay of 2^14", "\x0b\x04\x80\x00\x40\x00"),
	PARAMETERS(
		"initial_max_streams_bidi above 2^60", "\x08\x08\xd0\x00\x00\x00\x00\x00\x00\x01"),
	PARAMETERS(
		"initial_max_streams_uni above 2^60", "\x09\x08\xd0\x00\x00\x00\x00\x00\x00\x01"),
	PARAMETERS("initial_max_data with a byte behind it", "\x04\x02\x05\x05"),
	PARAMETERS("initial_max_data without a value", "\x04\x00"),
	PARAMETERS("initial_source_connection_id of another", "\x0f\x08"
							      "abcdefgh"),
	PARAMETERS("initial_source_connection_id of 21 bytes", "\x0f\x15"
							       "abcdefghijklmnopqrstu"),
};

static const struct wrong_parameters in_its_place_of_server[] = {
	PARAMETERS("stateless_reset_token of 15 bytes", "\x02\x0f"
							"0123456789abcde"),
	PARAMETERS("original_destination_connection_id of another", "\x00\x08"
								    "abcdefgh"),
	PARAMETERS("preferred_address without a connection ID", "\x0d\x29" ADDRESSES "\x00" TOKEN),
	PARAMETERS("preferred_address with an ID of 21 bytes", "\x0d\x3e" ADDRESSES "\x15"
							       "abcdefghijklmnopqrstu" TOKEN),
	PARAMETERS("preferred_address that is cut off", "\x0d\x18" ADDRESSES),
	PARAMETERS("preferred_address with a byte behind it", "\x0d\x32" ADDRESSES "\x08"
							      "abcdefgh" TOKEN "x"),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void expect_refused(bool from_server, const struct wrong_parameters *wrong, bool instead)
{
	struct rig rig;

	rig_prepare(&rig, 1);
	hostile_reset(&rig);
	hostile.from_server = from_server;
	hostile.parameters_size = wrong->size;
	hostile.parameters_instead = instead;
	memcpy(hostile.parameters, wrong->bytes, wrong->size);
	rig_start(&rig);
	rig_connect(&rig);
	rig_run(&rig, 200 * RIG_MS);
	if (rig.client.close.code != STOQ_TRANSPORT_PARAMETER_ERROR)
		fail_msg("%s: code 0x%lx, '%s'", wrong->name, rig.client.close.code,
			rig.client.close.reason);
	assert_int_equal(rig.client.close.origin,
		from_server ? STOQ_CLOSE_TRANSPORT : STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(rig.server.accepted, 0);
	rig_run(&rig, 10 * RIG_S);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static void test_of_a_client(void **state)
{
	for (size_t i = 0; i < COUNT(of_both); i++)
		expect_refused(false, &of_both[i], false);
	for (size_t i = 0; i < COUNT(of_client); i++)
		expect_refused(false, &of_client[i], false);
}

static void test_of_a_server(void **state)
{
	for (size_t i = 0; i < COUNT(of_both); i++)
		expect_refused(true, &of_both[i], false);
	for (size_t i = 0; i < COUNT(of_server); i++)
		expect_refused(true, &of_server[i], false);
}

static void test_in_the_place_of_others(void **state)
{
	for (size_t i = 0; i < COUNT(in_its_place); i++) {
		expect_refused(false, &in_its_place[i], true);
		expect_refused(true, &in_its_place[i], true);
	}
	for (size_t i = 0; i < COUNT(in_its_place_of_server); i++)
		expect_refused(true, &in_its_place_of_server[i], true);
}

/* What means nothing to us is no fault: RFC 9000, 7.4.2. */
static void test_unknown_ones_pass(void **state)
{
	struct rig rig;

	rig_prepare(&rig, 1);
	hostile_reset(&rig);
	hostile.parameters_size = 8;
	memcpy(hostile.parameters, "\x7f\x00\x01x\x7f\x01\x01y", 8);
	rig_start(&rig);
	rig_connected(&rig);
	rig_stop(&rig);
}

/* ---- alone ---- */

static ptrdiff_t take(const char *bytes, size_t size, uint64_t *datagram)
{
	uint8_t out[1024];
	struct stoq_parameters parameters;
	ptrdiff_t taken = stoq_parameters_take(&parameters, (const uint8_t *)bytes, size, out);

	*datagram = parameters.max_datagram_frame_bytes;
	/* In place of what came, or behind it. */
	if (taken > 0)
		assert_memory_equal(out + taken - 6, "\x20\x04\x80\x00\xff\xff", 6);
	else
		assert_non_null(parameters.fault);
	return taken;
}

static void test_datagram_size_is_replaced(void **state)
{
	uint64_t datagram;

	assert_int_equal(take("", 0, &datagram), 6);
	assert_int_equal(datagram, 0);
	assert_int_equal(take("\x04\x01\x05", 3, &datagram), 9);
	assert_int_equal(datagram, 0);
	assert_int_equal(take("\x20\x02\x44\xb0\x04\x01\x05", 7, &datagram), 9);
	assert_int_equal(datagram, 1200);
	assert_int_equal(take("\x20\x01\x44\xb0", 4, &datagram), -EPROTO);
	assert_int_equal(take("\x20\x03\x44\xb0\x00", 5, &datagram), -EPROTO);
}

static void test_masses_are_refused(void **state)
{
	uint8_t bytes[4 * 129], *at = bytes;
	uint64_t datagram;

	for (unsigned int i = 0; i < 128; i++) {
		stoq_varint_put(&at, 0x1000 + i);
		*at++ = 0;
	}
	assert_true(take((const char *)bytes, (size_t)(at - bytes), &datagram) > 0);
	*at++ = 1;
	*at++ = 0;
	assert_int_equal(take((const char *)bytes, (size_t)(at - bytes), &datagram), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagram_size_is_replaced),
		cmocka_unit_test(test_masses_are_refused),
		cmocka_unit_test(test_of_a_client),
		cmocka_unit_test(test_of_a_server),
		cmocka_unit_test(test_in_the_place_of_others),
		cmocka_unit_test(test_unknown_ones_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
