// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "datapath/af_xdp_private.h"

static void describe_queue(const struct af_xdp_queue *queue, struct stoq_af_xdp_queue *out)
{
	*out = (struct stoq_af_xdp_queue){
		.queue = queue->xsk.queue,
		.zero_copy = queue->xsk.zero_copy,
		.ring_entries = queue->xsk.receive.size,
		.receive_used =
			stoq_ring_load(queue->xsk.receive.producer) - queue->xsk.receive.mine,
		.transmit_used =
			queue->xsk.transmit.mine - stoq_ring_load(queue->xsk.transmit.consumer),
		.fill_used = queue->xsk.fill.mine - stoq_ring_load(queue->xsk.fill.consumer),
		.completion_used =
			stoq_ring_load(queue->xsk.completion.producer) - queue->xsk.completion.mine,
		.frames = queue->xsk.umem.frame_count / 2,
		.frames_used = queue->xsk.in_flight,
		.umem_bytes = queue->xsk.umem.size_bytes,
		.parts_max = queue->xsk.parts_max,
		.wakeups = queue->xsk.kicks,
		.received = queue->received,
		.sent = queue->sent,
	};
	(void)stoq_xsk_statistics(&queue->xsk, &out->kernel);
}

void stoq_af_xdp_counters(struct stoq_datapath *base, struct stoq_af_xdp_counters *counters)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);
	struct stoq_datapath_counters udp;

	*counters = (struct stoq_af_xdp_counters){
		.active = datapath->active,
		.frames_sent = datapath->counters.sent_datagrams,
		.frames_received = datapath->counters.received_datagrams,
		.zero_copy_operations = datapath->counters.zero_copy_operations,
		.copied_operations = datapath->counters.copied_operations,
		.malformed = datapath->malformed,
		.lookups = datapath->peers.lookups,
		.dropped = datapath->counters.dropped_receiving,
		.wakeups = datapath->closed_wakeups,
		.queue_count = datapath->queue_count,
	};
	memcpy(counters->interface, datapath->interface, IF_NAMESIZE);
	memcpy(counters->reason, datapath->reason, sizeof(counters->reason));
	stoq_datapath_counters(datapath->udp, &udp);
	counters->by_socket_sent = udp.sent_datagrams;
	counters->by_socket_received = udp.received_datagrams;
	for (uint32_t i = 0; i < datapath->queue_count; i++) {
		struct stoq_af_xdp_queue *queue = &counters->queues[i];

		describe_queue(&datapath->queues[i], queue);
		counters->dropped += queue->kernel.rx_dropped + queue->kernel.rx_ring_full;
		counters->wakeups += queue->wakeups;
	}
}

void af_xdp_take_snapshot(struct stoq_af_xdp *datapath)
{
	pthread_mutex_lock(&datapath->snapshot_lock);
	stoq_af_xdp_counters(&datapath->base, &datapath->snapshot);
	pthread_mutex_unlock(&datapath->snapshot_lock);
}

void stoq_af_xdp_snapshot(struct stoq_datapath *base, struct stoq_af_xdp_counters *counters)
{
	struct stoq_af_xdp *datapath = af_xdp_of(base);

	pthread_mutex_lock(&datapath->snapshot_lock);
	*counters = datapath->snapshot;
	pthread_mutex_unlock(&datapath->snapshot_lock);
}
