// SPDX-License-Identifier: BSD-2-Clause
/*
 * UDP sockets over veth, in network namespaces of their own: MTU, ICMP, segmentation, ECN.
 *
 *	namespace a  a0 --------- r0  namespace r  r1 --------- b0  namespace b
 *	   192.0.2.1, 2001:db8:1::1    .254           198.51.100.1, 2001:db8:2::1
 *
 * a0 and r0 have an MTU of 9000, r1 and b0 of 1500. Runs in the lab's guest as well: kernels
 * before 6.11 refuse GSO where the device has no checksum offload.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/datapath/udp_rig.h"

#define SKIPPED 77

static int namespace_a = -1, namespace_r = -1, namespace_b = -1;

static void enter(int name_space)
{
	assert_int_equal(setns(name_space, CLONE_NEWNET), 0);
}

/* A new one, which this process is in then; -1. */
static int make_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	/* The shell is wanted: these are lines of ip(8) and ethtool(8). */
	return system(command); // NOLINT(cert-env33-c)
}

static void must_run(const char *command)
{
	if (run("%s", command))
		fail_msg("failed: %s", command);
}

/* A veth pair: name here, peer in the other namespace. */
static int make_link(const char *name, const char *peer, int other, int mtu)
{
	if (run("ip link add %s mtu %d type veth peer name %s mtu %d", name, mtu, peer, mtu))
		return -1;
	return run("ip link set %s netns /proc/%d/fd/%d", peer, (int)getpid(), other);
}

static int configure(const char *name, const char *ipv4, const char *ipv6)
{
	return run("ip link set lo up && ip addr add %s/24 dev %s && "
		   "ip addr add %s/64 dev %s nodad && ip link set %s up",
		ipv4, name, ipv6, name, name);
}

static int set_up_network(void)
{
	namespace_a = make_namespace();
	namespace_b = make_namespace();
	namespace_r = make_namespace();
	if (namespace_a < 0 || namespace_b < 0 || namespace_r < 0)
		return -1;
	if (make_link("r0", "a0", namespace_a, 9000) || make_link("r1", "b0", namespace_b, 1500))
		return -1;
	if (configure("r0", "192.0.2.254", "2001:db8:1::fe") ||
		configure("r1", "198.51.100.254", "2001:db8:2::fe") ||
		run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"))
		return -1;
	enter(namespace_b);
	if (configure("b0", "198.51.100.1", "2001:db8:2::1") ||
		run("ip route add default via 198.51.100.254 && "
		    "ip -6 route add default via 2001:db8:2::fe"))
		return -1;
	enter(namespace_a);
	return configure("a0", "192.0.2.1", "2001:db8:1::1") ||
	       run("ip route add default via 192.0.2.254 && "
		   "ip -6 route add default via 2001:db8:1::fe");
}

static struct stoq_datapath *open_in(int name_space, const char *bind)
{
	struct stoq_udp_config config = {.receive_buffer_bytes = 4 << 20};
	struct stoq_datapath *datapath;

	enter(name_space);
	datapath = rig_open_with(config, bind);
	enter(namespace_a);
	return datapath;
}

static int send_bytes(struct stoq_datapath *from, const struct stoq_address *to, uint8_t *bytes,
	uint32_t size, uint16_t segment_size)
{
	struct stoq_batch datagram = {
		.remote = *to, .data = bytes, .size = size, .segment_size = segment_size};

	return stoq_datapath_send(from, &datagram, 1, 0);
}

static uint32_t route_payload(struct stoq_datapath *from, const struct stoq_address *to)
{
	struct stoq_datapath_route route;

	assert_int_equal(stoq_datapath_route(from, to, &route), 0);
	return route.max_payload_bytes;
}

/* Whether the kernel cuts up what goes to host: 5.15 answers EINVAL for IPv6, whatever the sizes.
 */
static bool kernel_segments(const char *host)
{
	struct stoq_address address = rig_address(host);
	int fd = socket(address.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 1;
	ssize_t sent;

	assert_true(fd >= 0);
	stoq_address_set_port(&address, 9);
	assert_int_equal(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	sent = sendto(fd, "abc", 3, 0, &address.sa, address.length);
	if (sent < 0)
		assert_int_equal(errno, EINVAL);
	close(fd);
	return sent == 3;
}

/* Up to the interface's MTU exactly, one datagram or many; above it the sender is told. */
static void mtu_of_the_interface(const char *from_bind, const char *to_host, uint16_t largest)
{
	struct stoq_datapath *to = open_in(namespace_r, "[::]:0");
	struct stoq_datapath *from = open_in(namespace_a, from_bind);
	struct stoq_address target = rig_target(to_host, to);
	uint8_t *bytes = rig_bytes(60000);
	uint32_t several = 6 * largest + 1;

	assert_int_equal(route_payload(from, &target), largest);
	assert_int_equal(send_bytes(from, &target, bytes, largest + 1, largest + 1), -EMSGSIZE);
	assert_int_equal(send_bytes(from, &target, bytes, 60000, largest + 1), -EMSGSIZE);
	assert_int_equal(send_bytes(from, &target, bytes, several, largest), 1);
	assert_int_equal(rig_expect_bytes(to, bytes, several, largest), 7);
	assert_int_equal(rig_counters(from).too_large, 2);
	/* What was too large is no reason to do without GSO. */
	assert_int_equal(rig_counters(from).gso_refused, !kernel_segments(to_host));
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

static void knows_the_interface(void **state)
{
	mtu_of_the_interface("0.0.0.0:0", "192.0.2.254", 9000 - 28);
	mtu_of_the_interface("[::]:0", "192.0.2.254", 9000 - 28);
	mtu_of_the_interface("[::]:0", "2001:db8:1::fe", 9000 - 48);
}

/* The router says ICMP; that is known, and no order. */
static void mtu_of_the_path(const char *from_bind, const char *to_host, uint16_t headers)
{
	struct stoq_datapath *to = open_in(namespace_b, "[::]:0");
	struct stoq_datapath *from = open_in(namespace_a, from_bind);
	struct stoq_address target = rig_target(to_host, to);
	uint8_t *bytes = rig_bytes(9000);
	uint16_t largest = (uint16_t)(1500 - headers);
	struct pollfd poll_fd = {.fd = -1};
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	assert_int_equal(send_bytes(from, &target, bytes, 8000, 8000), 1);
	poll_fd.fd = stoq_datapath_descriptor(from, &poll_fd.events);
	assert_int_equal(poll(&poll_fd, 1, 5000), 1);
	assert_int_equal(stoq_datapath_receive(from, inbox.datagrams, RIG_BUFFERS, 0), 0);
	assert_int_equal(rig_counters(from).icmp_mtu, 1);
	assert_int_equal(rig_counters(from).icmp_last_mtu, 1500);
	assert_int_equal(route_payload(from, &target), largest);
	assert_int_equal(send_bytes(from, &target, bytes, 8000, 8000), 1);
	assert_int_equal(send_bytes(from, &target, bytes, 3 * largest, largest), 1);
	assert_int_equal(rig_expect_bytes(to, bytes, 3 * largest, largest), 3);
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
}

static void hears_of_the_path(void **state)
{
	mtu_of_the_path("0.0.0.0:0", "198.51.100.1", 28);
	mtu_of_the_path("[::]:0", "2001:db8:2::1", 48);
}

/* 40 segments from a to r, whatever the device does with them. The sender's counters. */
static struct stoq_udp_counters carry_segments(unsigned int *messages_received)
{
	struct stoq_datapath *to = open_in(namespace_r, "[::]:0");
	struct stoq_datapath *from = open_in(namespace_a, "0.0.0.0:0");
	struct stoq_address target = rig_target("192.0.2.254", to);
	uint8_t *bytes = rig_bytes(40000);
	struct stoq_udp_counters counters;

	assert_int_equal(send_bytes(from, &target, bytes, 40000, 1000), 1);
	assert_int_equal(rig_expect_bytes(to, bytes, 40000, 1000), 40);
	*messages_received = 0;
	for (int i = 0; i < STOQ_UDP_SEGMENT_BUCKETS; i++)
		*messages_received += (unsigned int)rig_counters(to).received_segments[i];
	counters = rig_counters(from);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
	free(bytes);
	return counters;
}

static bool kernel_before(int major, int minor)
{
	struct utsname name;
	char *end;
	long have_major, have_minor = 0;

	assert_int_equal(uname(&name), 0);
	have_major = strtol(name.release, &end, 10);
	if (*end == '.')
		have_minor = strtol(end + 1, NULL, 10);
	return have_major < major || (have_major == major && have_minor < minor);
}

static void segments_whatever_the_device_has(void **state)
{
	struct stoq_udp_counters counters;
	unsigned int received;

	/* veth hands super-packets over whole. */
	counters = carry_segments(&received);
	assert_int_equal(counters.gso_refused, 0);
	assert_int_equal(received, 1);

	/* The kernel cuts them up on sending. */
	must_run("ethtool -K a0 tx-udp-segmentation off");
	counters = carry_segments(&received);
	assert_int_equal(counters.gso_refused, 0);
	assert_in_range(received, 1, 40);

	must_run("ethtool -K a0 tx off >/dev/null");
	counters = carry_segments(&received);
	assert_int_equal(counters.gso_refused, kernel_before(6, 11));
	assert_int_equal(counters.sent_segments[0], kernel_before(6, 11) ? 40 : 0);
	must_run("ethtool -K a0 tx on tx-udp-segmentation on >/dev/null");
}

/* The two bits go through, and a router's mark comes out. */
static void carries_ecn(void **state)
{
	struct stoq_datapath *to = open_in(namespace_b, "[::]:0");
	struct stoq_datapath *from = open_in(namespace_a, "[::]:0");
	const char *const hosts[] = {"198.51.100.1", "2001:db8:2::1"};
	struct rig_inbox inbox;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	for (int i = 0; i < 8; i++) {
		struct stoq_batch datagram = {.remote = rig_target(hosts[i / 4], to),
			.data = (uint8_t *)"abc",
			.size = 3,
			.segment_size = i % 2 ? 1 : 3,
			.ecn = (uint8_t)(i % 4)};

		assert_int_equal(stoq_datapath_send(from, &datagram, 1, 0), 1);
		assert_true(rig_receive(to, &inbox) > 0);
		assert_int_equal(inbox.datagrams[0].ecn, i % 4);
		while (stoq_datapath_receive(to, inbox.datagrams, RIG_BUFFERS, 0) > 0)
			;
	}
	rig_inbox_free(&inbox);
	stoq_datapath_close(from);
	stoq_datapath_close(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_interface),
		cmocka_unit_test(hears_of_the_path),
		cmocka_unit_test(segments_whatever_the_device_has),
		cmocka_unit_test(carries_ecn),
	};

	if (geteuid()) {
		puts("needs root, to make network namespaces");
		return SKIPPED;
	}
	if (set_up_network()) {
		puts("cannot make network namespaces with veth here");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
