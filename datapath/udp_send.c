// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "datapath/udp_private.h"

/* As often a call is tried again because it failed with what ICMP said of earlier packets. */
#define STALE_ERRORS 8

static bool gso_reaches(const struct stoq_udp *udp, const struct stoq_address *remote)
{
	if (!udp->gso)
		return false;
	for (unsigned int i = 0; i < udp->refusals; i++)
		if (stoq_address_same_host(&udp->refused[i], remote))
			return false;
	return true;
}

static void refuse_gso(struct stoq_udp *udp, const struct stoq_address *remote, int error)
{
	udp->udp_counters.gso_refused++;
	udp->refusal_errno = error;
	if (udp->refusals == UDP_REFUSALS)
		udp->gso = false;
	else
		udp->refused[udp->refusals++] = *remote;
}

/* How many of these segments one message may carry. */
static unsigned int segments_per_message(
	const struct stoq_udp *udp, const struct stoq_batch *datagram)
{
	unsigned int most = UDP_PAYLOAD_MAX / datagram->segment_size;

	if (most < 2 || !gso_reaches(udp, &datagram->remote))
		return 1;
	return most < UDP_GSO_SEGMENTS ? most : UDP_GSO_SEGMENTS;
}

static void set_name(struct stoq_udp *udp, struct msghdr *header, unsigned int message,
	const struct stoq_batch *datagram)
{
	const struct stoq_address *name = &datagram->remote;

	if (udp->local.sa.sa_family == AF_INET6 && name->sa.sa_family == AF_INET) {
		udp->mapped[message] = *name;
		stoq_address_map(&udp->mapped[message]);
		name = &udp->mapped[message];
	}
	header->msg_name = (void *)&name->sa;
	header->msg_namelen = name->length;
}

/* Makes message number `message` of the bytes of a datagram from offset on; how many it takes. */
static uint32_t build_message(struct stoq_udp *udp, unsigned int message, unsigned int index,
	const struct stoq_batch *datagram, uint32_t offset, unsigned int most)
{
	struct msghdr *header = &udp->send.messages[message].msg_hdr;
	uint32_t size = datagram->size - offset;
	unsigned int segments = stoq_datagram_segments(size, datagram->segment_size);

	if (segments > most) {
		segments = most;
		size = most * datagram->segment_size;
	}
	udp->pieces[message] = (struct udp_piece){.index = index, .segments = segments};
	udp->send.vectors[message].iov_base = datagram->data + offset;
	udp->send.vectors[message].iov_len = size;
	set_name(udp, header, message, datagram);
	header->msg_iov = &udp->send.vectors[message];
	header->msg_iovlen = 1;
	header->msg_control = udp->send_control[message];
	header->msg_controllen = udp_write_control(udp, udp->send_control[message], datagram,
		segments > 1 ? datagram->segment_size : 0);
	header->msg_flags = 0;
	return size;
}

/* As many messages as a system call takes; how many those are. */
static unsigned int build_batch(
	struct stoq_udp *udp, const struct stoq_batch *datagrams, unsigned int count)
{
	unsigned int messages = 0;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int most = segments_per_message(udp, &datagrams[i]);
		uint32_t offset = 0;

		while (offset < datagrams[i].size) {
			if (messages == UDP_BATCH)
				return messages;
			offset += build_message(udp, messages++, i, &datagrams[i], offset, most);
		}
	}
	return messages;
}

/* The cheapest call that does it: there and back, a packet each time, what it costs counts. */
static int send_once(struct stoq_udp *udp, unsigned int messages)
{
	const struct msghdr *first = &udp->send.messages[0].msg_hdr;

	if (messages > 1)
		return sendmmsg(udp->fd, udp->send.messages, messages, MSG_DONTWAIT);
	if (first->msg_controllen)
		return sendmsg(udp->fd, first, MSG_DONTWAIT) < 0 ? -1 : 1;
	return sendto(udp->fd, first->msg_iov->iov_base, first->msg_iov->iov_len, MSG_DONTWAIT,
		       first->msg_name, first->msg_namelen) < 0
		       ? -1
		       : 1;
}

/*
 * What sendmmsg() says, but for errors that belong to earlier packets: with IP_RECVERR the kernel
 * reports what ICMP said on the next call, whatever that sends.
 */
static int send_messages(struct stoq_udp *udp, unsigned int messages)
{
	int sent = -1, error = 0;

	for (unsigned int tries = 0; tries < STALE_ERRORS; tries++) {
		udp->udp_counters.send_calls++;
		sent = send_once(udp, messages);
		if (sent > 0)
			return sent;
		error = errno;
		if (error == EAGAIN || error == EWOULDBLOCK)
			return -EAGAIN;
		if (error != EINTR && udp_read_errors(udp) == 0)
			break;
	}
	return -error;
}

/* Moves datagrams forward over the first messages. */
static void advance(struct stoq_udp *udp, struct stoq_batch *datagrams, unsigned int messages)
{
	for (unsigned int i = 0; i < messages; i++) {
		struct stoq_batch *datagram = &datagrams[udp->pieces[i].index];
		uint32_t size = (uint32_t)udp->send.vectors[i].iov_len;

		datagram->data += size;
		datagram->size -= size;
	}
}

static void count_sent(struct stoq_udp *udp, unsigned int messages)
{
	udp->counters.sent_batches++;
	for (unsigned int i = 0; i < messages; i++) {
		unsigned int segments = udp->pieces[i].segments;

		udp->counters.sent_datagrams += segments;
		udp->counters.sent_bytes += udp->send.vectors[i].iov_len;
		udp_count_segments(udp->udp_counters.sent_segments, segments);
	}
}

/*
 * EINVAL for a GSO message: kernels before 6.14 say so when a segment is larger than the MTU. The
 * first segment alone tells: EMSGSIZE, or it is GSO that this path does not take.
 */
static int send_first_segment(struct stoq_udp *udp, struct stoq_batch *datagram)
{
	int sent;

	build_message(udp, 0, 0, datagram, 0, 1);
	sent = send_messages(udp, 1);
	if (sent < 0)
		return sent;
	count_sent(udp, 1);
	advance(udp, datagram, 1);
	refuse_gso(udp, &datagram->remote, EINVAL);
	return 0;
}

/* Sends what one system call takes. 0, or a negative errno that is about the first datagram. */
static int send_some(struct stoq_udp *udp, struct stoq_batch *datagrams, unsigned int count)
{
	int sent = send_messages(udp, build_batch(udp, datagrams, count));
	bool had_gso = udp->pieces[0].segments > 1;

	if (sent > 0) {
		count_sent(udp, (unsigned int)sent);
		advance(udp, datagrams, (unsigned int)sent);
		return 0;
	}
	/* EIO: the path has no checksum offload (before 6.11), or it encrypts. */
	if (had_gso && sent == -EIO) {
		refuse_gso(udp, &datagrams->remote, EIO);
		return 0;
	}
	if (had_gso && sent == -EINVAL)
		return send_first_segment(udp, datagrams);
	/* Lost in our own queueing discipline, as it might be in any other. */
	if (sent == -ENOBUFS) {
		udp->udp_counters.queue_full++;
		udp->counters.dropped_sending += udp->pieces[0].segments;
		advance(udp, datagrams, 1);
		return 0;
	}
	return sent;
}

static int fail(struct stoq_udp *udp, const struct stoq_batch *datagram, int error)
{
	if (error == -EAGAIN) {
		udp->wants_room = true;
		udp->udp_counters.send_again++;
		return error;
	}
	udp->udp_counters.too_large += error == -EMSGSIZE;
	udp->counters.dropped_sending +=
		stoq_datagram_segments(datagram->size, datagram->segment_size);
	return error;
}

int udp_send_batch(struct stoq_datapath *datapath, struct stoq_batch *datagrams, unsigned int count,
	uint64_t now_ns)
{
	struct stoq_udp *udp = udp_of(datapath);
	unsigned int taken = 0;

	udp->wants_room = false;
	for (;;) {
		int error;

		while (taken < count && !datagrams[taken].size)
			taken++;
		if (taken == count)
			return (int)taken;
		error = send_some(udp, datagrams + taken, count - taken);
		if (!error)
			continue;
		/* It comes again when the caller does, and is counted then. */
		return taken ? (int)taken : fail(udp, datagrams, error);
	}
}
