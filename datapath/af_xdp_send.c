// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "datapath/af_xdp_private.h"

/* Frames staged before they are handed over: the kernel starts on them while more are written. */
#define STAGE 64

static void advance(struct stoq_batch *datagram, uint32_t bytes)
{
	datagram->data += bytes;
	datagram->size -= bytes;
}

static uint32_t next_segment(const struct stoq_batch *datagram)
{
	return datagram->size < datagram->segment_size ? datagram->size : datagram->segment_size;
}

/* How many frames the next segment takes. */
static uint32_t next_parts(const struct af_xdp_queue *queue, const struct stoq_peer *peer,
	const struct stoq_batch *datagram)
{
	uint32_t bytes = peer->frames.header_size + next_segment(datagram);

	return (bytes + queue->xsk.umem.frame_bytes - 1) / queue->xsk.umem.frame_bytes;
}

/* Writes a segment into so many frames, for which there is room; `ahead` are staged before them. */
static void stage_segment(struct af_xdp_queue *queue, const struct stoq_peer *peer,
	const struct stoq_batch *datagram, uint32_t ahead, uint32_t parts)
{
	uint32_t size = next_segment(datagram), frame_bytes = queue->xsk.umem.frame_bytes;
	struct xdp_desc *desc;
	uint8_t *frame = stoq_xsk_stage(&queue->xsk, ahead, &desc);
	uint32_t at;

	desc->len = stoq_frame_build_head(
		&peer->frames, datagram->ecn, datagram->data, size, frame, frame_bytes);
	at = desc->len - peer->frames.header_size;
	for (uint32_t part = 1; part < parts; part++) {
		stoq_xsk_continue(desc);
		frame = stoq_xsk_stage(&queue->xsk, ahead + part, &desc);
		desc->len = size - at < frame_bytes ? size - at : frame_bytes;
		memcpy(frame, datagram->data + at, desc->len);
		at += desc->len;
	}
}

/* Writes as many segments as there are frames for; how many. */
static uint32_t stage(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue,
	const struct stoq_peer *peer, struct stoq_batch *datagram)
{
	uint32_t room = stoq_xsk_room(&queue->xsk, STAGE), staged = 0, frames = 0, parts, size;

	if (room > STAGE)
		room = STAGE;
	while (datagram->size) {
		size = next_segment(datagram);
		parts = next_parts(queue, peer, datagram);
		if (frames + parts > room)
			break;
		stage_segment(queue, peer, datagram, frames, parts);
		advance(datagram, size);
		datapath->counters.sent_bytes += size;
		frames += parts;
		staged++;
	}
	stoq_xsk_submit(&queue->xsk, frames);
	queue->sent += staged;
	af_xdp_count_copies(datapath, queue, staged);
	datapath->counters.sent_datagrams += staged;
	return staged;
}

/* Gets the kernel to send what was submitted; an interface that is gone ends it. */
static void kick(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue)
{
	int code = stoq_xsk_kick(&queue->xsk);

	datapath->counters.sent_batches++;
	if (code == -ENXIO || code == -ENODEV)
		af_xdp_fall_back(
			datapath, "queue %u of %s is gone", queue->xsk.queue, datapath->interface);
}

/* 0: all of it was taken. -EAGAIN, or -EMSGSIZE. */
static int send_frames(struct stoq_af_xdp *datapath, struct af_xdp_queue *queue,
	const struct stoq_peer *peer, struct stoq_batch *datagram)
{
	if (next_segment(datagram) > peer->max_payload_bytes ||
		next_parts(queue, peer, datagram) > queue->xsk.parts_max)
		return -EMSGSIZE;
	af_xdp_wait_room(datapath, queue, false);
	while (datagram->size) {
		if (stage(datapath, queue, peer, datagram))
			continue;
		kick(datapath, queue);
		if (!datapath->active)
			return 0; /* the rest goes where everything goes then */
		if (!stage(datapath, queue, peer, datagram)) {
			af_xdp_wait_room(datapath, queue, true);
			return -EAGAIN;
		}
	}
	return 0;
}

/* The queue whose AF_XDP socket carries datagrams to this peer; NULL: the UDP socket does. */
static struct af_xdp_queue *queue_of(struct stoq_af_xdp *datapath,
	const struct stoq_batch *datagram, struct stoq_peer **peer, uint64_t now_ns)
{
	if (!datapath->active)
		return NULL;
	*peer = stoq_peers_get(&datapath->peers, &datagram->remote, &datagram->local, now_ns);
	if (!stoq_peers_by_frames(&datapath->peers, *peer, now_ns))
		return NULL;
	return &datapath->queues[(*peer)->queue % datapath->queue_count];
}

static int send_by_socket(struct stoq_af_xdp *datapath, struct stoq_batch *datagrams,
	unsigned int count, uint64_t now_ns)
{
	int taken = stoq_datapath_send(datapath->udp, datagrams, count, now_ns);

	af_xdp_wait_socket_room(datapath);
	return taken;
}

static void kick_all(struct stoq_af_xdp *datapath)
{
	struct af_xdp_queue *queue;

	for (uint32_t i = 0; datapath->active && i < datapath->queue_count; i++) {
		queue = &datapath->queues[i];
		if (queue->xsk.transmit.mine != stoq_ring_load(queue->xsk.transmit.consumer))
			kick(datapath, queue);
	}
}

/*
 * The buffers up to the next one that goes out as frames go through the socket, all at once;
 * then that one. 0, or a negative errno: no more for now.
 */
static int send_row(struct stoq_af_xdp *datapath, struct stoq_batch *datagrams, unsigned int count,
	unsigned int *taken, uint64_t now_ns)
{
	struct af_xdp_queue *queue = NULL;
	struct stoq_peer *peer = NULL;
	unsigned int row = 0;
	int sent, code = 0;

	while (row < count && !queue) {
		queue = queue_of(datapath, &datagrams[row], &peer, now_ns);
		row += !queue;
	}
	if (row) {
		sent = send_by_socket(datapath, datagrams, row, now_ns);
		if (sent < 0)
			return sent;
		*taken += sent;
		if ((unsigned int)sent < row)
			return -EAGAIN;
	}
	if (queue) {
		code = send_frames(datapath, queue, peer, &datagrams[row]);
		*taken += !code && !datagrams[row].size;
	}
	return code;
}

int af_xdp_send_batch(struct stoq_datapath *base, struct stoq_batch *datagrams, unsigned int count,
	uint64_t now_ns)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	unsigned int taken = 0;
	int code = 0;

	af_xdp_check(datapath, now_ns);
	if (!datapath->active)
		return send_by_socket(datapath, datagrams, count, now_ns);
	while (taken < count && !code)
		code = send_row(datapath, datagrams + taken, count - taken, &taken, now_ns);
	kick_all(datapath);
	return taken ? (int)taken : code;
}
