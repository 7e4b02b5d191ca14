// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel refuses: this program is linked so that what sends and setsockopt() come here
 * first (ld --wrap), and it says what the kernel would on a path without checksum offload, with a
 * full buffer, or to a user without rights.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/datapath/udp_rig.h"

static int gso_error;	  /* what a message with UDP_SEGMENT gets; 0: nothing */
static int single_error;  /* what others get */
static int next_error;	  /* what the next call gets */
static unsigned int most; /* messages that one call takes; 0: all */
static unsigned int calls;
static bool no_rights;
static bool no_offload;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
ssize_t __wrap_sendmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendto(int fd, void *data, size_t size, int flags, void *name, socklen_t length);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);

static bool has_gso(struct msghdr *message)
{
	struct cmsghdr *header;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header))
		if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	unsigned int accepted = 0;
	int error = next_error			    ? next_error
		    : has_gso(&messages[0].msg_hdr) ? gso_error
						    : single_error;

	calls++;
	next_error = 0;
	if (error)
		return refuse(error);
	while (accepted < count && !(gso_error && has_gso(&messages[accepted].msg_hdr)))
		accepted++;
	if (most && accepted > most)
		accepted = most;
	return __real_sendmmsg(fd, messages, accepted, flags);
}

/* A single message goes the same way. */
ssize_t __wrap_sendmsg(int fd, struct msghdr *message, int flags)
{
	struct mmsghdr messages[1] = {{.msg_hdr = *message}};
	int sent = __wrap_sendmmsg(fd, messages, 1, flags);

	return sent < 0 ? -1 : (ssize_t)messages[0].msg_len;
}

ssize_t __wrap_sendto(int fd, void *data, size_t size, int flags, void *name, socklen_t length)
{
	struct iovec vector = {.iov_base = data, .iov_len = size};
	struct msghdr message = {
		.msg_name = name, .msg_namelen = length, .msg_iov = &vector, .msg_iovlen = 1};

	return __wrap_sendmsg(fd, &message, flags);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	if (no_rights && level == SOL_SOCKET &&
		(option == SO_RCVBUFFORCE || option == SO_SNDBUFFORCE || option == SO_BUSY_POLL))
		return refuse(EPERM);
	if (no_offload && level == SOL_UDP)
		return refuse(ENOPROTOOPT);
	return __real_setsockopt(fd, level, option, value, length);
}

struct pair {
	struct stoq_datapath *from, *to;
	struct stoq_address target;
	uint8_t *bytes;
};

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	gso_error = single_error = next_error = 0;
	most = calls = 0;
	no_rights = no_offload = false;
	pair->from = rig_open("127.0.0.1:0");
	pair->to = rig_open_with(
		(struct stoq_udp_config){.receive_buffer_bytes = 4 << 20}, "127.0.0.1:0");
	pair->target = rig_local(pair->to);
	pair->bytes = rig_bytes(200000);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	stoq_datapath_close(pair->from);
	stoq_datapath_close(pair->to);
	free(pair->bytes);
	free(pair);
	return 0;
}

static struct stoq_batch datagram(const struct pair *pair, uint32_t size, uint16_t segment_size)
{
	return (struct stoq_batch){.remote = pair->target,
		.data = pair->bytes,
		.size = size,
		.segment_size = segment_size};
}

static void assert_described(struct stoq_datapath *datapath, const char *text)
{
	struct stoq_datapath_info info;

	stoq_datapath_info(datapath, &info);
	if (!strstr(info.description, text))
		fail_msg("'%s' does not say '%s'", info.description, text);
}

static void assert_warned(struct stoq_datapath *datapath, const char *text)
{
	struct stoq_datapath_info info;

	stoq_datapath_info(datapath, &info);
	if (!strstr(info.warning, text))
		fail_msg("'%s' does not say '%s'", info.warning, text);
}

/* EIO: this path does without from then on, others do not. */
static void gso_is_turned_off_per_path(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch first = datagram(pair, 10000, 1000), again = first, other;

	gso_error = EIO;
	assert_int_equal(stoq_datapath_send(pair->from, &first, 1, 0), 1);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 10000, 1000), 10);
	assert_int_equal(calls, 2);
	assert_int_equal(stoq_datapath_send(pair->from, &again, 1, 0), 1);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 10000, 1000), 10);
	assert_int_equal(calls, 3);
	assert_int_equal(rig_counters(pair->from).gso_refused, 1);
	assert_int_equal(rig_counters(pair->from).sent_segments[0], 20);
	assert_described(pair->from, "GSO refused for 127.0.0.1");
	assert_described(pair->from, "Input/output error");

	gso_error = 0;
	other = datagram(pair, 10000, 1000);
	other.remote = rig_address("127.0.0.2:9");
	assert_int_equal(stoq_datapath_send(pair->from, &other, 1, 0), 1);
	assert_int_equal(rig_counters(pair->from).sent_segments[3], 1);
}

/* In the middle of a batch, nothing is sent twice and nothing is left out. */
static void gso_refused_in_a_batch(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch batch[3] = {datagram(pair, 1000, 1000), datagram(pair, 99000, 1000),
		datagram(pair, 100000, 1000)};

	batch[1].data += 1000;
	batch[2].data += 100000;
	gso_error = EIO;
	assert_int_equal(stoq_datapath_send(pair->from, batch, 3, 0), 3);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 200000, 1000), 200);
}

/* More paths than can be remembered: it is off for all. */
static void too_many_paths_without_gso(void **state)
{
	struct pair *pair = *state;

	gso_error = EIO;
	for (int i = 1; i <= 20; i++) {
		struct stoq_batch one = datagram(pair, 2000, 1000);
		char text[STOQ_ADDRESS_TEXT];

		snprintf(text, sizeof(text), "127.0.1.%d:9", i);
		one.remote = rig_address(text);
		assert_int_equal(stoq_datapath_send(pair->from, &one, 1, 0), 1);
	}
	assert_int_equal(rig_counters(pair->from).gso_refused, 17);
	assert_described(pair->from, "no GSO");
}

/* Before 6.14 a GSO message above the MTU gets EINVAL: that is no reason to do without GSO. */
static void einval_may_mean_the_mtu(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch one = datagram(pair, 2000, 1000);

	gso_error = EINVAL;
	single_error = EMSGSIZE;
	assert_int_equal(stoq_datapath_send(pair->from, &one, 1, 0), -EMSGSIZE);
	assert_int_equal(rig_counters(pair->from).too_large, 1);
	assert_int_equal(rig_counters(pair->from).gso_refused, 0);

	single_error = 0;
	assert_int_equal(stoq_datapath_send(pair->from, &one, 1, 0), 1);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 2000, 1000), 2);
	assert_int_equal(rig_counters(pair->from).gso_refused, 1);
}

static void a_full_buffer_stops_in_the_middle(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch batch[3] = {datagram(pair, 1000, 1000), datagram(pair, 99000, 1000),
		datagram(pair, 100000, 1000)};
	short events;

	batch[1].data += 1000;
	batch[2].data += 100000;
	/* The first, and half of the second; then nothing. */
	most = 2;
	next_error = 0;
	assert_int_equal(stoq_datapath_send(pair->from, batch, 1, 0), 1);
	next_error = EAGAIN;
	assert_int_equal(stoq_datapath_send(pair->from, batch + 1, 2, 0), -EAGAIN);
	stoq_datapath_descriptor(pair->from, &events);
	assert_int_equal(events, POLLIN | POLLOUT);
	assert_int_equal(rig_counters(pair->from).send_again, 1);
	assert_int_equal(rig_totals(pair->from).dropped_sending, 0);
	assert_int_equal(stoq_datapath_send(pair->from, batch + 1, 2, 0), 2);
	stoq_datapath_descriptor(pair->from, &events);
	assert_int_equal(events, POLLIN);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 200000, 1000), 200);
	assert_int_equal(batch[1].size, 0);
}

/* A short count: what is left of a buffer goes out next, and not what was sent already. */
static void a_short_count_is_continued(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch batch[2] = {datagram(pair, 150000, 1000), datagram(pair, 50000, 1000)};

	batch[1].data += 150000;
	most = 1;
	assert_int_equal(stoq_datapath_send(pair->from, batch, 2, 0), 2);
	assert_int_equal(calls, 4);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 200000, 1000), 200);
}

static void a_full_queue_loses_one_message(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch batch[2] = {datagram(pair, 3000, 1000), datagram(pair, 1000, 1000)};

	next_error = ENOBUFS;
	assert_int_equal(stoq_datapath_send(pair->from, batch, 2, 0), 2);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 1000, 1000), 1);
	assert_int_equal(rig_counters(pair->from).queue_full, 1);
	assert_int_equal(rig_totals(pair->from).dropped_sending, 3);
	assert_int_equal(rig_totals(pair->from).sent_datagrams, 1);
}

static void an_error_is_told_once_it_is_first(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch batch[2] = {datagram(pair, 1000, 1000), datagram(pair, 65508, 65508)};

	assert_int_equal(stoq_datapath_send(pair->from, batch, 2, 0), 1);
	assert_int_equal(rig_totals(pair->from).dropped_sending, 0);
	assert_int_equal(stoq_datapath_send(pair->from, batch + 1, 1, 0), -EMSGSIZE);
	assert_int_equal(rig_totals(pair->from).dropped_sending, 1);
	next_error = EPERM; /* a firewall */
	assert_int_equal(stoq_datapath_send(pair->from, batch + 1, 1, 0), -EPERM);
}

static void small_buffers_are_told_with_the_remedy(void **state)
{
	struct stoq_udp_config config = {
		.receive_buffer_bytes = 64 << 20, .send_buffer_bytes = 64 << 20};
	struct stoq_datapath *datapath;

	no_rights = true;
	datapath = rig_open_with(config, "127.0.0.1:0");
	assert_warned(datapath, "sysctl -w net.core.rmem_max=67108864");
	assert_warned(datapath, "sysctl -w net.core.wmem_max=67108864");
	stoq_datapath_close(datapath);
}

static void busy_polling_needs_rights(void **state)
{
	struct stoq_udp_config config = {.busy_poll_us = 50};
	struct stoq_datapath *datapath;

	no_rights = true;
	datapath = rig_open_with(config, "127.0.0.1:0");
	assert_warned(datapath, "Busy polling is off");
	stoq_datapath_close(datapath);
}

static void kernels_without_offload(void **state)
{
	struct pair *pair = *state;
	struct stoq_batch one = datagram(pair, 10000, 1000);
	struct stoq_datapath *datapath;

	no_offload = true;
	datapath = rig_open("127.0.0.1:0");
	assert_described(datapath, "no GSO, no GRO");
	assert_warned(datapath, "segmentation offload");
	assert_int_equal(stoq_datapath_send(datapath, &one, 1, 0), 1);
	assert_int_equal(rig_expect_bytes(pair->to, pair->bytes, 10000, 1000), 10);
	stoq_datapath_close(datapath);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gso_is_turned_off_per_path),
		TEST(gso_refused_in_a_batch),
		TEST(too_many_paths_without_gso),
		TEST(einval_may_mean_the_mtu),
		TEST(a_full_buffer_stops_in_the_middle),
		TEST(a_short_count_is_continued),
		TEST(a_full_queue_loses_one_message),
		TEST(an_error_is_told_once_it_is_first),
		TEST(small_buffers_are_told_with_the_remedy),
		TEST(busy_polling_needs_rights),
		TEST(kernels_without_offload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
