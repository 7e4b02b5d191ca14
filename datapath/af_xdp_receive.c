// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "datapath/address.h"
#include "datapath/af_xdp_private.h"

/* While frames come, the socket is looked at with every so manieth batch. */
#define SOCKET_TURN 8
/* As many bytes as the kernel's GRO joins. */
#define JOINED_MAX  65535

static bool is_link_local(const struct stoq_address *address)
{
	return address->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->in6.sin6_addr);
}

/*
 * An address that only means something on one link says on which: a socket bound to such a one
 * knows it, else it is the interface. A frame would not tell: cards take VLAN tags off.
 */
static void set_scope(const struct stoq_af_xdp *datapath, struct stoq_address *address)
{
	if (is_link_local(address))
		address->in6.sin6_scope_id = is_link_local(&datapath->local)
						     ? datapath->local.in6.sin6_scope_id
						     : (uint32_t)datapath->ifindex;
}

/* A socket bound to 0.0.0.0 has no IPv6; one bound to [::] has both. */
static bool is_for_us(const struct stoq_af_xdp *datapath, const struct stoq_address *to)
{
	if (stoq_address_port(to) != stoq_address_port(&datapath->local))
		return false;
	if (!datapath->wildcard)
		return stoq_address_same_host(to, &datapath->local);
	return to->sa.sa_family == AF_INET || datapath->local.sa.sa_family == AF_INET6;
}

/* A packet as it lies in the receive ring: in one frame, or in several. */
struct packet {
	struct stoq_xsk *xsk;
	uint32_t first, parts;
	const uint8_t *data; /* of the first part */
	uint32_t present;    /* bytes of it */
	uint32_t size;	     /* of all parts */
};

/* The packet `ahead` frames from the first of `waiting`. False: it is nonsense; parts is set all the same, 0: not all here. */
static bool look_at(struct stoq_xsk *xsk, uint32_t ahead, uint32_t waiting, struct packet *packet)
{
	bool whole = true;
	uint32_t size;

	*packet = (struct packet){
		.xsk = xsk, .first = ahead, .parts = stoq_xsk_parts(xsk, ahead, waiting)};
	if (!packet->parts)
		return false;
	packet->data = stoq_xsk_peek(xsk, ahead, &packet->present);
	packet->size = packet->present;
	for (uint32_t part = 1; part < packet->parts; part++) {
		whole &= stoq_xsk_peek(xsk, ahead + part, &size) != NULL;
		packet->size += size;
	}
	return packet->data && whole;
}

static bool take_apart(
	struct stoq_af_xdp *datapath, const struct packet *packet, struct stoq_frame *frame)
{
	if (stoq_frame_parse_head(packet->data, packet->present, packet->size, frame) ||
		!frame->payload_size)
		return false;
	set_scope(datapath, &frame->remote);
	set_scope(datapath, &frame->local);
	return is_for_us(datapath, &frame->local);
}

/* The payload, which begins in the first part. */
static void copy_payload(const struct packet *packet, const struct stoq_frame *frame, uint8_t *to)
{
	uint32_t left = frame->payload_size;
	uint32_t size = packet->present - (uint32_t)(frame->payload - packet->data);
	const uint8_t *from = frame->payload;

	for (uint32_t part = 1;; part++) {
		if (size > left)
			size = left;
		memcpy(to, from, size);
		to += size;
		left -= size;
		if (!left)
			return;
		from = stoq_xsk_peek(packet->xsk, packet->first + part, &size);
	}
}

/* A datagram like those before it goes behind them, as with the kernel's GRO. */
static bool join(
	struct stoq_batch *datagram, const struct packet *packet, const struct stoq_frame *frame)
{
	uint32_t limit = datagram->capacity < JOINED_MAX ? datagram->capacity : JOINED_MAX;

	if (frame->payload_size > datagram->segment_size ||
		datagram->size % datagram->segment_size ||
		datagram->size + frame->payload_size > limit || datagram->ecn != frame->ecn ||
		!stoq_address_equal(&datagram->remote, &frame->remote) ||
		!stoq_address_same_host(&datagram->local, &frame->local))
		return false;
	copy_payload(packet, frame, datagram->data + datagram->size);
	datagram->size += frame->payload_size;
	return true;
}

static void begin(
	struct stoq_batch *datagram, const struct packet *packet, const struct stoq_frame *frame)
{
	copy_payload(packet, frame, datagram->data);
	datagram->size = frame->payload_size;
	datagram->segment_size = frame->payload_size;
	datagram->remote = frame->remote;
	datagram->local = frame->local;
	datagram->ecn = frame->ecn;
}

/* From one queue's ring into at most count buffers; how many were filled. */
static unsigned int receive_queue(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue,
	struct stoq_batch *datagrams, unsigned int count)
{
	uint32_t waiting = stoq_xsk_received(&queue->xsk), done, packets = 0;
	unsigned int filled = 0;
	struct stoq_frame frame;
	struct packet packet;

	af_xdp_wait_seen(datapath, queue, waiting);
	for (done = 0; done < waiting; done += packet.parts) {
		bool good = look_at(&queue->xsk, done, waiting, &packet);

		if (!packet.parts)
			break;
		if (!good || !take_apart(datapath, &packet, &frame)) {
			datapath->malformed++;
			packets++;
			continue;
		}
		if (!filled || !join(&datagrams[filled - 1], &packet, &frame)) {
			if (filled == count)
				break;
			begin(&datagrams[filled++], &packet, &frame);
			stoq_peers_seen(&datapath->peers, &frame.remote, &frame.local,
				(uint32_t)(queue - datapath->queues));
		}
		packets++;
		queue->received++;
		datapath->counters.received_datagrams++;
		datapath->counters.received_bytes += frame.payload_size;
	}
	if (done) {
		stoq_xsk_release(&queue->xsk, done);
		af_xdp_count_copies(datapath, queue, packets);
		datapath->counters.received_batches++;
	}
	return filled;
}

static unsigned int receive_frames(
	struct stoq_af_xdp *datapath, struct stoq_batch *datagrams, unsigned int count)
{
	unsigned int filled = 0;

	for (uint32_t i = 0; i < datapath->queue_count && filled < count; i++) {
		datapath->next_queue = (datapath->next_queue + 1) % datapath->queue_count;
		filled += receive_queue(datapath, &datapath->queues[datapath->next_queue],
			datagrams + filled, count - filled);
	}
	return filled;
}

int af_xdp_receive_batch(struct stoq_datapath *base, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	unsigned int filled = 0;
	int more;

	if (datapath->queue_count)
		filled = receive_frames(datapath, datagrams, count);
	if (!filled && datapath->draining)
		af_xdp_close_queues(datapath);
	if (!filled)
		datapath->next_check_ns = 0; /* what woke us may be the kernel's news */
	af_xdp_check(datapath, now_ns);
	if (filled == count || (filled && ++datapath->socket_turn % SOCKET_TURN))
		return (int)filled;
	more = stoq_datapath_receive(datapath->udp, datagrams + filled, count - filled, now_ns);
	if (more < 0)
		return filled ? (int)filled : more;
	return (int)filled + more;
}
