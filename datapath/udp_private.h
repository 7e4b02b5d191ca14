/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the files of the UDP datapath share. */
#include <netinet/udp.h>
#include <stddef.h>

#include "datapath/address.h"
#include "datapath/udp.h"

#define UDP_BATCH	 64    /* messages per system call */
#define UDP_GSO_SEGMENTS 64    /* the kernel's UDP_MAX_SEGMENTS before 6.8; 128 since */
#define UDP_PAYLOAD_MAX	 65507 /* what fits an IPv4 packet beside its headers */
#define UDP_SINGLES	 64    /* datagrams that come alone, in a row, until GRO is turned off */
#define UDP_REFUSALS	 16    /* remembered paths without GSO; with more it is off everywhere */

/* What the socket puts into packets without being told: what nearly all of them have. */
#define UDP_USUAL_ECN STOQ_ECN_ECT0

/* Addresses, ECN, GSO's segment size. */
#define UDP_SEND_CONTROL                                                                           \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +                        \
		CMSG_SPACE(sizeof(uint16_t)))
/* Addresses (an IPv4 packet to an IPv6 socket may have both kinds), ECN, GRO. */
#define UDP_RECEIVE_CONTROL                                                                        \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)) +          \
		2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(int)))

struct udp_batch {
	struct mmsghdr messages[UDP_BATCH];
	struct iovec vectors[UDP_BATCH];
};

/* Which datagrams a message carries. */
struct udp_piece {
	unsigned int index;    /* in the caller's array */
	unsigned int segments; /* 1 and more */
};

struct stoq_udp {
	struct stoq_datapath base; /* first: the interface is this */
	int fd;
	struct stoq_address local;
	bool wildcard;		/* each packet must say which address of ours is meant */
	bool gso, gro;		/* the kernel has them */
	bool joining;		/* GRO is on now */
	unsigned int singles;	/* receptions in a row of one datagram, or none joined */
	bool wants_room;	/* the last send ended with EAGAIN */
	uint32_t overflow_mark; /* the kernel's count, which wraps, as last seen */
	uint32_t receive_buffer_bytes, send_buffer_bytes, busy_poll_us;
	bool unsharded; /* the program that spreads packets over workers was refused */
	char warning[sizeof(((struct stoq_datapath_info *)0)->warning)];

	struct stoq_address refused[UDP_REFUSALS]; /* hosts that GSO does not reach */
	unsigned int refusals;
	int refusal_errno;

	struct stoq_datapath_counters counters;
	struct stoq_udp_counters udp_counters;

	struct udp_batch send, receive;
	unsigned int filled;   /* of receive: so many the kernel may have written into */
	unsigned int expected; /* messages to ask for: 1 to UDP_BATCH */
	struct udp_piece pieces[UDP_BATCH];
	struct stoq_address mapped[UDP_BATCH]; /* IPv4 destinations of an IPv6 socket */
	_Alignas(struct cmsghdr) uint8_t send_control[UDP_BATCH][UDP_SEND_CONTROL];
	_Alignas(struct cmsghdr) uint8_t receive_control[UDP_BATCH][UDP_RECEIVE_CONTROL];
};

static inline struct stoq_udp *udp_of(struct stoq_datapath *datapath)
{
	return (struct stoq_udp *)((char *)datapath - offsetof(struct stoq_udp, base));
}

/* udp_options.c: makes the socket and binds it; fills fd, local, wildcard, gso, gro, buffers. */
int udp_open_socket(
	struct stoq_udp *udp, const struct stoq_udp_config *config, struct stoq_error *error);

/* udp_shard.c: spreads packets over the sockets of one port by connection ID. */
int udp_attach_shard_program(int fd, uint32_t worker_count);

/* udp_control.c: what stands beside a message. */
size_t udp_write_control(const struct stoq_udp *udp, uint8_t *control,
	const struct stoq_batch *datagram, uint16_t gso_size);
void udp_read_control(struct stoq_udp *udp, struct msghdr *message, struct stoq_batch *datagram);

/* udp_errors.c: empties the socket's error queue; how many errors came from the network. */
unsigned int udp_read_errors(struct stoq_udp *udp);

/* udp_send.c, udp_receive.c */
int udp_send_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams, unsigned int count,
	uint64_t now_ns);
int udp_receive_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns);

static inline void udp_count_segments(
	uint64_t buckets[static STOQ_UDP_SEGMENT_BUCKETS], unsigned int segments)
{
	unsigned int bucket = 31 - (unsigned int)__builtin_clz(segments);

	if (bucket >= STOQ_UDP_SEGMENT_BUCKETS)
		bucket = STOQ_UDP_SEGMENT_BUCKETS - 1;
	buckets[bucket]++;
}
