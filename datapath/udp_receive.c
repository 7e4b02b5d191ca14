// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "datapath/udp_private.h"

static void prepare(struct stoq_udp *udp, struct stoq_batch *datagram, unsigned int i)
{
	struct msghdr *header = &udp->receive.messages[i].msg_hdr;

	udp->receive.vectors[i].iov_base = datagram->data;
	udp->receive.vectors[i].iov_len = datagram->capacity;
	header->msg_iov = &udp->receive.vectors[i];
	header->msg_iovlen = 1;
	header->msg_name = &datagram->remote.sa;
	header->msg_namelen = sizeof(datagram->remote.in6);
	header->msg_control = udp->receive_control[i];
	header->msg_controllen = sizeof(udp->receive_control[i]);
	header->msg_flags = 0;
}

/*
 * The kernel has written into those that it filled; the others are as they were, if the caller
 * gives the same buffers again: who spins asks in vain most of the time.
 */
static void prepare_all(struct stoq_udp *udp, struct stoq_batch *datagrams, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct iovec *vector = &udp->receive.vectors[i];

		if (i < udp->filled || vector->iov_base != datagrams[i].data ||
			vector->iov_len != datagrams[i].capacity ||
			udp->receive.messages[i].msg_hdr.msg_name != &datagrams[i].remote.sa)
			prepare(udp, &datagrams[i], i);
	}
	if (udp->filled <= count)
		udp->filled = 0;
}

/* What did not fit is lost; whole datagrams in front of it are not. */
static void cut(struct stoq_udp *udp, struct stoq_batch *datagram)
{
	udp->udp_counters.truncated++;
	udp->counters.dropped_receiving++;
	if (datagram->segment_size && datagram->segment_size <= datagram->size)
		datagram->size -= datagram->size % datagram->segment_size;
	else
		datagram->size = 0;
}

/* False: nothing in it for the caller. */
static bool take(struct stoq_udp *udp, struct stoq_batch *datagram, struct mmsghdr *message)
{
	unsigned int segments;

	datagram->remote.length = message->msg_hdr.msg_namelen;
	datagram->local = udp->local;
	datagram->size = message->msg_len;
	datagram->segment_size = 0;
	datagram->ecn = STOQ_ECN_NOT_ECT;
	stoq_address_unmap(&datagram->remote);
	udp_read_control(udp, &message->msg_hdr, datagram);
	if (message->msg_hdr.msg_flags & MSG_TRUNC)
		cut(udp, datagram);
	else if (!datagram->size)
		udp->udp_counters.empty++;
	if (!datagram->size)
		return false;
	if (!datagram->segment_size || datagram->segment_size > datagram->size)
		datagram->segment_size = (uint16_t)datagram->size;
	segments = stoq_datagram_segments(datagram->size, datagram->segment_size);
	udp->counters.received_datagrams += segments;
	udp->counters.received_bytes += datagram->size;
	udp_count_segments(udp->udp_counters.received_segments, segments);
	return true;
}

/* Empty ones go to the end of the array. */
static unsigned int take_all(
	struct stoq_udp *udp, struct stoq_batch *datagrams, unsigned int received)
{
	unsigned int filled = 0;

	for (unsigned int i = 0; i < received; i++) {
		struct stoq_batch empty;

		if (!take(udp, &datagrams[i], &udp->receive.messages[i]))
			continue;
		if (filled != i) {
			empty = datagrams[filled];
			datagrams[filled] = datagrams[i];
			datagrams[i] = empty;
		}
		filled++;
	}
	return filled;
}

/* recvmmsg() asks once more after the last message, so a single one is cheaper without it. */
static int receive_messages(struct stoq_udp *udp, unsigned int count)
{
	struct mmsghdr *first = &udp->receive.messages[0];
	ssize_t size;

	if (count > 1)
		return recvmmsg(udp->fd, udp->receive.messages, count, MSG_DONTWAIT, NULL);
	size = recvmsg(udp->fd, &first->msg_hdr, MSG_DONTWAIT);
	if (size < 0)
		return -1;
	first->msg_len = (unsigned int)size;
	return 1;
}

/*
 * -EAGAIN: nothing there. What ICMP said about packets sent earlier comes out here, too: errors
 * that mean the socket itself are those of a descriptor or memory.
 */
static int receive(struct stoq_udp *udp, unsigned int count)
{
	int received;

	for (unsigned int tries = 0; tries < UDP_BATCH; tries++) {
		udp->udp_counters.receive_calls++;
		received = receive_messages(udp, count);
		if (received > 0)
			return received;
		if (errno == EBADF || errno == ENOTSOCK || errno == EFAULT || errno == ENOMEM)
			return -errno;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		if (errno != EINTR)
			udp_read_errors(udp);
	}
	udp->udp_counters.receive_again++;
	return -EAGAIN;
}

/*
 * As many as came last time, and more if there may be: where one packet answers another, nothing
 * is asked for that is not there; in a stream the number doubles soon.
 */
static void expect(struct stoq_udp *udp, unsigned int asked, int received)
{
	if (received < 1)
		udp->expected = 1;
	else if ((unsigned int)received == asked && asked < UDP_BATCH)
		udp->expected = 2 * asked;
	else
		udp->expected = (unsigned int)received;
}

/*
 * For a socket with GRO the kernel looks at the end of each packet, which another CPU wrote: that
 * costs a tenth of a microsecond where nothing is joined. So it is off while packets come alone.
 */
static void follow_joining(struct stoq_udp *udp, const struct stoq_batch *first, int received)
{
	int wanted;

	if (!udp->gro || received < 1)
		return;
	if (received > 1 || first->size > first->segment_size)
		udp->singles = 0;
	else
		udp->singles++;
	wanted = udp->singles < UDP_SINGLES;
	if (udp->joining != wanted &&
		!setsockopt(udp->fd, SOL_UDP, UDP_GRO, &wanted, sizeof(wanted)))
		udp->joining = wanted;
}

int udp_receive_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	struct stoq_udp *udp = udp_of(datapath);

	if (count > udp->expected)
		count = udp->expected;
	/* Again only if all were empty; but a flood of those must not keep us here. */
	for (unsigned int tries = 0; tries < UDP_BATCH; tries++) {
		unsigned int filled;
		int received;

		prepare_all(udp, datagrams, count);
		received = receive(udp, count);
		expect(udp, count, received);
		if (received < 0)
			return received == -EAGAIN ? 0 : received;
		if (udp->filled < (unsigned int)received)
			udp->filled = (unsigned int)received;
		udp->counters.received_batches++;
		filled = take_all(udp, datagrams, (unsigned int)received);
		if (filled) {
			follow_joining(udp, datagrams, received);
			return (int)filled;
		}
	}
	return 0;
}
