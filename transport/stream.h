/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A stream: what was written and is not acknowledged yet, what was received and not taken yet. */
#include <stoq/transport.h>

#include "base/list.h"
#include "transport/credit.h"
#include "transport/send_queue.h"

struct stoq_receive_block;

struct stoq_stream {
	struct stoq_connection *connection;
	struct stoq_list link;	   /* connection->streams */
	struct stoq_list sendable; /* connection->sendable[urgency], or connection->blocked */
	struct stoq_list resumed;  /* connection->resumed */
	int64_t id;
	void *user;
	uint64_t opened_ns;
	unsigned int urgency;
	uint64_t close_code;
	uint64_t losses; /* packets lost so far, as last asked */

	struct stoq_send_queue queue;
	struct {
		uint64_t end, sent, acknowledged;
	} past;		    /* what the queue had when it was cleared: for statistics */
	size_t burst_bytes; /* sent since it was its turn */

	struct stoq_receive_block *unread, *unread_last;
	size_t unread_bytes;
	uint64_t lent_bytes; /* of the connection's credit, for bytes that are unread */
	uint64_t received_bytes, taken_bytes; /* in all: in order; by the application */
	uint64_t window_bytes;		      /* that the peer may send; 0: not known yet */
	struct stoq_credit credit;

	bool unidirectional;
	bool ours; /* we opened it */

	bool finishing;	      /* STOQ_FINISH was written */
	bool finish_sent;     /* it went out at least once */
	bool write_over;      /* finished, reset or stopped */
	bool flow_blocked;    /* by the peer's stream credit */
	bool stopped;	      /* by the peer; the application is still to be told */
	bool writable_wanted; /* a write took less than it was given */

	bool paused;	       /* received() left something */
	bool resume_wanted;    /* stoq_stream_resume() was called since */
	bool finish_received;  /* unread is all there will be */
	bool finish_delivered; /* received() had it, or it is not wanted any more */
	bool read_over;	       /* stopped by us, or reset by the peer */

	bool quic_closed; /* ngtcp2 does not know it any more */
};

/* Makes one; NULL: no memory. */
struct stoq_stream *stoq_stream_new(struct stoq_connection *connection, int64_t id, bool ours);
/* Frees it if it is over in both directions, after telling the application. */
void stoq_stream_settle(struct stoq_stream *stream);
/* ngtcp2 is done with it; what is unread is still to be read. */
void stoq_stream_closed_by_quic(struct stoq_stream *stream, uint64_t code);
/*
 * Nothing more will come from the peer. ngtcp2 does not reliably say that a peer's unidirectional
 * stream is over, so that is concluded from what came.
 */
void stoq_stream_receiving_over(struct stoq_stream *stream);
/* Nothing more can be written: the peer has sent STOP_SENDING. The application hears of it soon. */
void stoq_stream_stopped_by_peer(struct stoq_stream *stream);
void stoq_stream_tell_stopped(struct stoq_stream *stream);
/* Tells the application that there is room again, if it waits for that and there is enough. */
void stoq_stream_tell_writer(struct stoq_stream *stream);
/* The same for all of a connection, which waited for memory. */
void stoq_streams_tell_writers(struct stoq_connection *connection);
/* Tells the application and frees it: the connection is gone. */
void stoq_stream_end(struct stoq_stream *stream, uint64_t code);

/*
 * Every now and then: brings the count of retransmitted packets up to date, and tries those again
 * that wait for credit, because the peer may have sent STOP_SENDING instead.
 */
void stoq_streams_sample(struct stoq_connection *connection);

/* Puts it among those that have something to send. */
void stoq_stream_want_send(struct stoq_stream *stream);
/* The peer may have given it credit. */
void stoq_stream_unblock(struct stoq_stream *stream);
/* The most urgent of those, whose turn it is; NULL: there are none. */
struct stoq_stream *stoq_stream_next_to_send(const struct stoq_connection *connection);
