// SPDX-License-Identifier: BSD-2-Clause
/*
 * What RFC 9000 forbids in a frame, with the code that it names: for the frames alone, and from an
 * authenticated peer to either side of a connection.
 */
#include "tests/unit/transport/hostile.h"
#include "transport/frames.h"
#include "transport/ngtcp2_compat.h"

#define FLOW_CONTROL_ERROR	  0x3
#define STREAM_LIMIT_ERROR	  0x4
#define FINAL_SIZE_ERROR	  0x6
#define CONNECTION_ID_LIMIT_ERROR 0x9

struct wrong_frame {
	const char *name;
	const char *bytes;
	size_t size;
	uint64_t code;
};

#define FRAME(name, bytes, code)                                                                   \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, code                                               \
	}

#define HUGE	"\xff\xff\xff\xff\xff\xff\xff\xff" /* 2^62 - 1 */
#define STREAMS "\xd0\x00\x00\x00\x00\x00\x00\x01" /* 2^60 + 1 */
#define TOKEN	"0123456789abcdef"
#define ID                                                                                         \
	"\x08"                                                                                     \
	"abcdefgh" TOKEN

/* To either side. Streams 0, 1, 2, 3 are open when the second test sends these. */
static const struct wrong_frame to_both[] = {
	FRAME("ACK, first range below 0", "\x02\x00\x00\x00\x01", 0x7),
	FRAME("ACK, gap below 0", "\x02\x02\x00\x01\x00\x05\x00", 0x7),
	FRAME("ACK, gap of exactly one too many", "\x02\x02\x00\x01\x01\x00\x00", 0x7),
	FRAME("ACK, range below 0", "\x02\x03\x00\x01\x00\x00\x02", 0x7),
	FRAME("ACK, cut off", "\x02\x01\x00\x01", 0x7),
	FRAME("ACK_ECN without counts", "\x03\x00\x00\x00\x00\x01", 0x7),
	FRAME("ACK of what was not sent", "\x02\x80\x0f\xff\xff\x00\x00\x00", 0xa),
	FRAME("RESET_STREAM, cut off", "\x04\x00", 0x7),
	FRAME("CRYPTO beyond 2^62-1", "\x06" HUGE "\x01x", 0x7),
	FRAME("CRYPTO, cut off", "\x06\x00\x08x", 0x7),
	FRAME("MAX_STREAMS of 2^60+1", "\x12" STREAMS, 0x7),
	FRAME("MAX_STREAMS (uni) of 2^60+1", "\x13" STREAMS, 0x7),
	FRAME("STREAMS_BLOCKED of 2^60+1", "\x16" STREAMS, 0x7),
	FRAME("NEW_CONNECTION_ID of no byte", "\x18\x07\x00\x00" TOKEN, 0x7),
	FRAME("NEW_CONNECTION_ID of 21 bytes",
		"\x18\x07\x00\x15"
		"abcdefghijklmnopqrstu" TOKEN,
		0x7),
	FRAME("NEW_CONNECTION_ID that retires itself", "\x18\x07\x08" ID, 0x7),
	FRAME("NEW_CONNECTION_ID, cut off",
		"\x18\x07\x00\x08"
		"abcdefgh",
		0x7),
	FRAME("RETIRE_CONNECTION_ID of one never given", "\x19\x4f\xff", 0xa),
	FRAME("an unknown type", "\x1f", 0x7),
	FRAME("an unknown type of two bytes", "\x40\x41", 0x7),
	FRAME("PING in two bytes", "\x40\x01", 0xa),
	FRAME("STREAM in eight bytes", "\xc0\x00\x00\x00\x00\x00\x00\x08\x00", 0xa),
	FRAME("DATAGRAM, not advertised", "\x31\x01x", 0xa),
	FRAME("PATH_CHALLENGE, cut off",
		"\x1a"
		"1234567",
		0x7),
};

static const struct wrong_frame to_server[] = {
	FRAME("RESET_STREAM of the server's own", "\x04\x03\x00\x00", 0x5),
	FRAME("STREAM on the server's own", "\x0a\x03\x01x", 0x5),
	FRAME("STREAM_DATA_BLOCKED of the server's own", "\x15\x03\x00", 0x5),
	FRAME("STREAM_DATA_BLOCKED of one not opened", "\x15\x41\x01\x00", 0x5),
	FRAME("STREAM on one of the server's not opened", "\x0a\x41\x01\x01x", 0x5),
	FRAME("STOP_SENDING of the client's own", "\x05\x02\x00", 0x5),
	FRAME("STOP_SENDING of one not opened", "\x05\x41\x03\x00", 0x5),
	FRAME("MAX_STREAM_DATA of the client's own", "\x11\x02\x05", 0x5),
	FRAME("MAX_STREAM_DATA of one not opened", "\x11\x41\x01\x05", 0x5),
	FRAME("STREAM beyond the limit of streams", "\x0a\x80\x10\x00\x00\x01x",
		STREAM_LIMIT_ERROR),
	FRAME("RESET_STREAM beyond the limit of streams", "\x04\x80\x10\x00\x02\x00\x00",
		STREAM_LIMIT_ERROR),
	FRAME("STREAM beyond 2^62-1", "\x0e\x00" HUGE "\x01x", 0x7),
	FRAME("STREAM beyond the window", "\x0e\x00\xbf\xff\xff\xff\x01x", FLOW_CONTROL_ERROR),
	FRAME("RESET_STREAM beyond the window", "\x04\x00\x00\xbf\xff\xff\xff", FLOW_CONTROL_ERROR),
	FRAME("two ends of a stream", "\x0b\x02\x01x\x0f\x02\x05\x01x", FINAL_SIZE_ERROR),
	FRAME("NEW_TOKEN to a server", "\x07\x01x", 0xa),
	FRAME("HANDSHAKE_DONE to a server", "\x1e", 0xa),
};

static const struct wrong_frame to_client[] = {
	FRAME("RESET_STREAM of the client's own", "\x04\x02\x00\x00", 0x5),
	FRAME("STREAM on the client's own", "\x0a\x02\x01x", 0x5),
	FRAME("STREAM_DATA_BLOCKED of the client's own", "\x15\x02\x00", 0x5),
	FRAME("STREAM_DATA_BLOCKED of one not opened", "\x15\x41\x04\x00", 0x5),
	FRAME("STOP_SENDING of the server's own", "\x05\x03\x00", 0x5),
	FRAME("MAX_STREAM_DATA of the server's own", "\x11\x03\x05", 0x5),
	FRAME("NEW_TOKEN, empty", "\x07\x00", 0x7),
	FRAME("NEW_TOKEN, cut off", "\x07\x05x", 0x7),
	FRAME("more connection IDs than the limit",
		"\x18\x41\x00\x00\x08"
		"abcdefg0" TOKEN "\x18\x41\x01\x00\x08"
		"abcdefg1" TOKEN "\x18\x41\x02\x00\x08"
		"abcdefg2" TOKEN "\x18\x41\x03\x00\x08"
		"abcdefg3" TOKEN "\x18\x41\x04\x00\x08"
		"abcdefg4" TOKEN "\x18\x41\x05\x00\x08"
		"abcdefg5" TOKEN "\x18\x41\x06\x00\x08"
		"abcdefg6" TOKEN "\x18\x41\x07\x00\x08"
		"abcdefg7" TOKEN,
		CONNECTION_ID_LIMIT_ERROR),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- on a connection ---- */

static void open_streams(struct rig_side *side)
{
	struct stoq_stream *stream;

	assert_int_equal(stoq_stream_open(side->connection, STOQ_BIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "x", 1, 0), 1);
	assert_int_equal(stoq_stream_open(side->connection, STOQ_UNIDIRECTIONAL, &stream), 0);
	assert_int_equal(stoq_stream_write(stream, "x", 1, 0), 1);
}

static void expect_close(bool from_server, const struct wrong_frame *wrong)
{
	struct rig rig;
	struct rig_side *victim = from_server ? &rig.client : &rig.server;
	struct rig_side *culprit = from_server ? &rig.server : &rig.client;

	rig_prepare(&rig, 1);
	rig.client.config.callbacks.datagram = NULL;
	rig.server.config.callbacks.datagram = NULL;
	hostile_reset(&rig);
	rig_start(&rig);
	rig_connected(&rig);
	open_streams(&rig.client);
	open_streams(&rig.server);
	rig_run(&rig, 100 * RIG_MS);
	hostile_send(from_server, (const uint8_t *)wrong->bytes, wrong->size);
	if (victim->close.origin != STOQ_CLOSE_TRANSPORT || victim->close.code != wrong->code)
		fail_msg("%s: origin %d, code 0x%lx, '%s'; expected 0x%lx", wrong->name,
			victim->close.origin, victim->close.code, victim->close.reason,
			wrong->code);
	assert_int_equal(victim->closed, 1);
	rig_run(&rig, 100 * RIG_MS);
	/* And the peer hears the same. */
	assert_int_equal(culprit->close.origin, STOQ_CLOSE_PEER_TRANSPORT);
	assert_int_equal(culprit->close.code, wrong->code);
	rig_run(&rig, 10 * RIG_S);
	rig_assert_idle(&rig);
	rig_stop(&rig);
}

static void test_codes_of_a_server(void **state)
{
	for (size_t i = 0; i < COUNT(to_both); i++)
		expect_close(false, &to_both[i]);
	for (size_t i = 0; i < COUNT(to_server); i++) {
		/* RFC 9000, 4.5: it need not be found when the stream is over. ngtcp2 1.x has forgotten it then. */
		if (NGTCP2_VERSION_NUM < 0x010000 || to_server[i].code != FINAL_SIZE_ERROR)
			expect_close(false, &to_server[i]);
	}
}

static void test_codes_of_a_client(void **state)
{
	for (size_t i = 0; i < COUNT(to_both); i++)
		expect_close(true, &to_both[i]);
	for (size_t i = 0; i < COUNT(to_client); i++)
		expect_close(true, &to_client[i]);
}

/* ---- frames alone ---- */

static bool check(enum stoq_packet_kind kind, const char *bytes, size_t size, uint64_t *code)
{
	const struct stoq_frame_rules rules = {.kind = kind,
		.server = true,
		.datagram_frame_max = 4,
		.next_bidirectional = 1,
		.next_unidirectional = 3};
	struct stoq_frame_fault fault;
	unsigned int seen;
	bool good = stoq_frames_check((const uint8_t *)bytes, size, &rules, &fault, &seen);

	*code = fault.code;
	return good;
}

/* RFC 9000, table 3; a letter for each kind of packet. */
static void test_where_frames_may_be(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *kinds;
	} frames[] = {
		{"\x00", 1, "IH01"},
		{"\x01", 1, "IH01"},
		{"\x02\x00\x00\x00\x00", 5, "IH_1"},
		{"\x04\x00\x00\x00", 4, "__01"},
		{"\x05\x00\x00", 3, "__01"},
		{"\x06\x00\x01x", 4, "IH_1"},
		{"\x08\x00", 2, "__01"},
		{"\x10\x00", 2, "__01"},
		{"\x11\x00\x00", 3, "__01"},
		{"\x12\x00", 2, "__01"},
		{"\x14\x00", 2, "__01"},
		{"\x15\x00\x00", 3, "__01"},
		{"\x16\x00", 2, "__01"},
		{"\x18\x01\x00" ID, 28, "__01"},
		{"\x19\x00", 2, "___1"},
		{"\x1a"
		 "12345678",
			9, "__01"},
		{"\x1b"
		 "12345678",
			9, "___1"},
		{"\x1c\x00\x00\x00", 4, "IH01"},
		{"\x1d\x00\x00", 3, "__01"},
		{"\x30x", 2, "__01"},
		{"\x31\x01x", 3, "__01"},
	};
	uint64_t code;

	for (size_t i = 0; i < COUNT(frames); i++) {
		for (int kind = STOQ_INITIAL; kind <= STOQ_ONE_RTT; kind++) {
			bool good = check((enum stoq_packet_kind)kind, frames[i].bytes,
				frames[i].size, &code);

			assert_int_equal(good, frames[i].kinds[kind] != '_');
			assert_int_equal(code, good ? 0 : STOQ_PROTOCOL_VIOLATION);
		}
	}
	assert_false(check(STOQ_ONE_RTT, "", 0, &code));
	assert_int_equal(code, STOQ_PROTOCOL_VIOLATION);
}

/* RFC 9221, 3: the frame counts, not the data. */
static void test_datagrams_are_limited(void **state)
{
	uint64_t code;

	assert_true(check(STOQ_ONE_RTT,
		"\x30"
		"123",
		4, &code));
	assert_false(check(STOQ_ONE_RTT,
		"\x30"
		"1234",
		5, &code));
	assert_int_equal(code, STOQ_PROTOCOL_VIOLATION);
	assert_true(check(STOQ_ONE_RTT,
		"\x31\x02"
		"12\x01",
		5, &code));
	assert_false(check(STOQ_ONE_RTT,
		"\x31\x03"
		"123",
		5, &code));
	assert_int_equal(code, STOQ_PROTOCOL_VIOLATION);
}

/* Every frame, cut off after every byte, is told from whole ones. */
static void test_frames_cut_off(void **state)
{
	static const char *const frames[] = {"\x02\x05\x01\x01\x01\x01\x01", "\x04\x04\x01\x01",
		"\x05\x04\x01", "\x06\x01\x01x", "\x0e\x04\x01\x01x", "\x10\x40\x01",
		"\x11\x04\x01", ("\x18\x01\x01" ID), "\x19\x40\x01", "\03212345678",
		"\x1c\x01\x01\x01x", "\x1d\x01\x01x", "\x31\x02xy"};
	uint64_t code;

	for (size_t i = 0; i < COUNT(frames); i++) {
		size_t size = strlen(frames[i]);

		assert_true(check(STOQ_ONE_RTT, frames[i], size, &code));
		for (size_t cut = 1; cut < size; cut++) {
			assert_false(check(STOQ_ONE_RTT, frames[i], cut, &code));
			assert_int_equal(code, STOQ_FRAME_ENCODING_ERROR);
		}
	}
}

static void test_a_datagram_is_found(void **state)
{
	uint8_t packet[] = "\x02\x05\x01\x01\x01\x01\x01\x12\x07\x01\x31\x40\x03"
			   "abc";
	size_t header;

	assert_ptr_equal(
		stoq_frames_find_datagram(packet, sizeof(packet) - 1, &header), packet + 10);
	assert_int_equal(header, 3);
	assert_null(stoq_frames_find_datagram(packet, 10, &header));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_frames_may_be),
		cmocka_unit_test(test_datagrams_are_limited),
		cmocka_unit_test(test_frames_cut_off),
		cmocka_unit_test(test_a_datagram_is_found),
		cmocka_unit_test(test_codes_of_a_server),
		cmocka_unit_test(test_codes_of_a_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
