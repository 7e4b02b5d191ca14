/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Host end: a worker's QUIC connection to the target end. It is kept, and made again with growing
 * pauses when it is lost; queues that begin meanwhile wait for it, for STOQ_UPLINK_WAIT_NS.
 */
#include <stoq/types.h>

struct stoq_tunnel_link;
struct stoq_tunnel_worker;

/* nvme-tcp waits 10 s for ICResp (Linux 6.x, drivers/nvme/host/tcp.c); less, so that its log has a
 * reset. */
#define STOQ_UPLINK_WAIT_NS 8000000000ull

struct stoq_uplink;

/* Begins to connect. NULL: no memory. */
struct stoq_uplink *stoq_uplink_new(struct stoq_tunnel_worker *worker);
/* Before the transport is destroyed, which frees what it is still to call. NULL is fine. */
void stoq_uplink_stop(struct stoq_uplink *uplink);
void stoq_uplink_free(struct stoq_uplink *uplink);

/* A host connected: its queue goes over the connection, or waits for it. */
void stoq_uplink_take(struct stoq_uplink *uplink, struct stoq_tunnel_link *link);

/* From the transport's callbacks. */
void stoq_uplink_connected(struct stoq_uplink *uplink, struct stoq_connection *connection);
void stoq_uplink_closed(struct stoq_uplink *uplink, const struct stoq_close_info *info);
void stoq_uplink_session(struct stoq_uplink *uplink, const uint8_t *data, size_t size);
