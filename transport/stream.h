/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A stream: what was written and is not acknowledged yet, what was received and not taken yet. */
#include <stoq/transport.h>

#include "transport/credit.h"
#include "transport/list.h"

struct stoq_receive_block;

/* Bytes of the send queue. They stay where they are until they are acknowledged. */
struct stoq_chunk {
	uint8_t *data;
	size_t size;
	size_t capacity;		 /* of a pool's block; 0: the writer owns the memory */
	void (*release)(void *argument); /* of owned memory */
	void *argument;
};

/* A ring of chunks, oldest first. */
struct stoq_send_queue {
	struct stoq_chunk *chunks;
	size_t capacity; /* a power of two, or 0 */
	size_t first, count;

	/* Offsets of the stream; acknowledged <= sent <= end. */
	uint64_t acknowledged, sent, end;
	size_t sent_chunk;	   /* the chunk that offset sent lies in, counted from first */
	size_t sent_bytes;	   /* of that chunk */
	size_t acknowledged_bytes; /* of the first chunk */
};

struct stoq_stream {
	struct stoq_connection *connection;
	struct stoq_list link;	   /* connection->streams */
	struct stoq_list sendable; /* connection->sendable[urgency] */
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
	uint64_t received_bytes, taken_bytes; /* in all: in order; by the application */
	uint64_t window_bytes;			  /* that the peer may send; 0: not known yet */
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
	bool finish_delivered; /* received() had it, or nobody wants it any more */
	bool read_over;	       /* stopped by us, or reset by the peer */

	bool quic_closed; /* ngtcp2 does not know it any more */
};

/* What a peer sends goes to the application, or is kept. 0 or -ENOMEM. */
int stoq_stream_receive(
	struct stoq_stream *stream, const uint8_t *data, size_t size, bool finished);
/* Offers what is unread; called when it is safe to call the application. */
void stoq_stream_deliver(struct stoq_stream *stream);
/* Forgets what is unread and gives the credit back. */
void stoq_stream_discard_unread(struct stoq_stream *stream);

/* The peer may send that much more, and more still if it is fast and there is memory: credit.c. */
void stoq_stream_give_credit(struct stoq_stream *stream, size_t size);

/* Makes one; NULL: no memory. */
struct stoq_stream *stoq_stream_new(struct stoq_connection *connection, int64_t id, bool ours);
/* Frees it if nobody needs it any more, after telling the application. */
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
/* The most urgent of those, whose turn it is; NULL: there are none. */
struct stoq_stream *stoq_stream_next_to_send(const struct stoq_connection *connection);

/* ---- send_queue.c ---- */

struct stoq_budget_account;

bool stoq_send_queue_unsent(const struct stoq_send_queue *queue);
/* Bytes between acknowledged and end. */
uint64_t stoq_send_queue_held(const struct stoq_send_queue *queue);
/* How many bytes the account allows to be copied. */
uint64_t stoq_send_queue_room(
	const struct stoq_send_queue *queue, const struct stoq_budget_account *account);
/* How many bytes were taken; fewer than size: no memory. */
size_t stoq_send_queue_copy(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size);
/* 0 or -ENOMEM. */
int stoq_send_queue_own(struct stoq_send_queue *queue, struct stoq_budget_account *account,
	const void *data, size_t size, void (*release)(void *argument), void *argument);
/* Up to max pieces of what comes next, as many as hold enough_bytes; how many pieces. */
struct ngtcp2_vec;
size_t stoq_send_queue_peek(const struct stoq_send_queue *queue, struct ngtcp2_vec *pieces,
	size_t max, size_t enough_bytes);
void stoq_send_queue_sent(struct stoq_send_queue *queue, size_t bytes);
void stoq_send_queue_acknowledge(
	struct stoq_send_queue *queue, struct stoq_budget_account *account, uint64_t bytes);
/* Early data were refused: all goes out again. */
void stoq_send_queue_rewind(struct stoq_send_queue *queue);
void stoq_send_queue_clear(struct stoq_send_queue *queue, struct stoq_budget_account *account);
