// SPDX-License-Identifier: BSD-2-Clause
#include "capture/order.h"

#include <stdlib.h>
#include <string.h>

#include "capture/program.h"
#include "capture/table.h"

#define CONNECTIONS 16384 /* the least recently used one makes way, and begins again */
#define STRETCHES   64
#define DEPTH_MAX   16	       /* of packets that acknowledge one another */
#define START_REACH (1u << 24) /* between a SYN and what is taken for its connection's */

struct waiting {
	struct stoq_capture_packet packet; /* its bytes are ours */
	uint64_t now_ns;
	bool is_tcp, gone;
	struct stoq_program_segment segment;
};

/* Bytes behind a gap. */
struct stretch {
	uint32_t begin, end;
};

/* What was handed on of a direction. */
struct direction {
	bool known;
	uint32_t next; /* the first byte that was not */
	unsigned int stretch_count;
	struct stretch stretches[STRETCHES]; /* more of them are not noted */
};

struct connection {
	struct direction directions[2]; /* by stoq_program_segment.from_a */
};

struct stoq_order {
	struct waiting items[STOQ_ORDER_PACKETS]; /* a ring */
	size_t first, count, bytes;
	struct stoq_table *connections;
	uint64_t moved;
};

struct stoq_order *stoq_order_new(void)
{
	struct stoq_order *order = calloc(1, sizeof(*order));

	if (!order)
		return NULL;
	order->connections = stoq_table_new(STOQ_TABLE_LRU, sizeof(struct stoq_flow_key),
		sizeof(struct connection), CONNECTIONS);
	if (order->connections)
		return order;
	free(order);
	return NULL;
}

static struct waiting *at(struct stoq_order *order, size_t index)
{
	return &order->items[(order->first + index) % STOQ_ORDER_PACKETS];
}

static void drop_first(struct stoq_order *order)
{
	struct waiting *first = at(order, 0);

	order->bytes -= first->packet.captured;
	free((void *)first->packet.bytes);
	order->first = (order->first + 1) % STOQ_ORDER_PACKETS;
	order->count--;
}

void stoq_order_free(struct stoq_order *order)
{
	if (!order)
		return;
	while (order->count)
		drop_first(order);
	stoq_table_free(order->connections);
	free(order);
}

uint64_t stoq_order_moved(const struct stoq_order *order)
{
	return order->moved;
}

/* Sequence numbers wrap. */
static bool is_after(uint32_t one, uint32_t other)
{
	return (int32_t)(one - other) > 0;
}

/* ---- what has passed ---- */

static struct connection *connection_of(
	struct stoq_order *order, const struct stoq_program_segment *segment)
{
	static const struct connection fresh;
	struct connection *connection = stoq_table_find(order->connections, &segment->key);

	if (connection)
		return connection;
	stoq_table_put(order->connections, &segment->key, &fresh, false);
	return stoq_table_find(order->connections, &segment->key);
}

static void begin(struct direction *direction, uint32_t next)
{
	direction->known = true;
	direction->next = next;
	direction->stretch_count = 0;
}

/* All before this byte, and with it the stretches that follow. */
static void advance(struct direction *direction, uint32_t next)
{
	if (!is_after(next, direction->next))
		return;
	direction->next = next;
	for (unsigned int i = 0; i < direction->stretch_count;) {
		const struct stretch stretch = direction->stretches[i];

		if (is_after(stretch.begin, direction->next)) {
			i++;
			continue;
		}
		direction->stretches[i] = direction->stretches[--direction->stretch_count];
		if (is_after(stretch.end, direction->next)) {
			direction->next = stretch.end;
			i = 0;
		}
	}
}

/* Takes those that touch this one into it. */
static struct stretch merge(struct direction *direction, struct stretch whole)
{
	for (unsigned int i = 0; i < direction->stretch_count;) {
		const struct stretch stretch = direction->stretches[i];

		if (is_after(stretch.begin, whole.end) || is_after(whole.begin, stretch.end)) {
			i++;
			continue;
		}
		direction->stretches[i] = direction->stretches[--direction->stretch_count];
		if (is_after(whole.begin, stretch.begin))
			whole.begin = stretch.begin;
		if (is_after(stretch.end, whole.end))
			whole.end = stretch.end;
		i = 0;
	}
	return whole;
}

static void pass(struct direction *direction, uint32_t sequence, uint32_t end)
{
	struct stretch whole;

	if (!is_after(sequence, direction->next)) {
		advance(direction, end);
		return;
	}
	whole = merge(direction, (struct stretch){sequence, end});
	if (direction->stretch_count < STRETCHES)
		direction->stretches[direction->stretch_count++] = whole;
}

static void note(struct stoq_order *order, const struct stoq_program_segment *segment)
{
	struct connection *connection = connection_of(order, segment);
	uint32_t end = segment->sequence + segment->length;
	struct direction *own, *other;

	if (!connection)
		return;
	own = &connection->directions[segment->from_a];
	other = &connection->directions[!segment->from_a];
	if (segment->syn && !segment->ack)
		other->known = false;
	if (segment->syn || !own->known)
		begin(own, end);
	else if (segment->length)
		pass(own, segment->sequence, end);
	/* The receiver has it, whether it was captured or not. */
	if (segment->ack && other->known)
		advance(other, segment->acknowledged);
}

/* ---- handing on ---- */

static int hand_on(struct stoq_order *order, const struct stoq_capture_sink *sink,
	struct waiting *waiting, uint64_t now_ns, unsigned int depth);

/* Whether this one has what comes next of its direction. */
static bool is_next(const struct direction *direction, const struct stoq_program_segment *segment,
	uint32_t until)
{
	if (!direction->known)
		return segment->syn && until - segment->sequence < START_REACH;
	return !is_after(segment->sequence, direction->next) &&
	       is_after(segment->sequence + segment->length, direction->next);
}

static struct waiting *find_next(struct stoq_order *order, const struct direction *direction,
	const struct stoq_flow_key *key, bool from_a, uint32_t until)
{
	for (size_t i = 0; i < order->count; i++) {
		struct waiting *waiting = at(order, i);

		if (waiting->is_tcp && !waiting->gone && waiting->segment.from_a == from_a &&
			is_next(direction, &waiting->segment, until) &&
			memcmp(&waiting->segment.key, key, sizeof(*key)) == 0)
			return waiting;
	}
	return NULL;
}

/* What this end has sent before `until`, as far as it waits without a gap. 0, or the sink's result. */
static int hand_on_before(struct stoq_order *order, const struct stoq_capture_sink *sink,
	const struct stoq_program_segment *segment, bool from_a, uint32_t until, uint64_t now_ns,
	unsigned int depth)
{
	int result = 0;

	while (!result) {
		const struct connection *connection = connection_of(order, segment);
		const struct direction *direction;
		struct waiting *next;

		if (!connection)
			return 0;
		direction = &connection->directions[from_a];
		if (direction->known && !is_after(until, direction->next))
			return 0;
		next = find_next(order, direction, &segment->key, from_a, until);
		if (!next)
			return 0;
		order->moved++;
		result = hand_on(order, sink, next, now_ns, depth + 1);
	}
	return result;
}

static int hand_on_what_is_missing(struct stoq_order *order, const struct stoq_capture_sink *sink,
	const struct stoq_program_segment *segment, uint64_t now_ns, unsigned int depth)
{
	const struct connection *connection = connection_of(order, segment);
	bool from = segment->from_a;
	int result = 0;

	if (!connection)
		return 0;
	if (!segment->syn && (!connection->directions[from].known || segment->fin || segment->rst))
		result = hand_on_before(
			order, sink, segment, from, segment->sequence, now_ns, depth);
	if (!result && segment->ack)
		result = hand_on_before(
			order, sink, segment, !from, segment->acknowledged, now_ns, depth);
	return result;
}

static int hand_on(struct stoq_order *order, const struct stoq_capture_sink *sink,
	struct waiting *waiting, uint64_t now_ns, unsigned int depth)
{
	int result = 0;

	waiting->gone = true; /* it is not found again */
	if (waiting->is_tcp && depth < DEPTH_MAX)
		result = hand_on_what_is_missing(order, sink, &waiting->segment, now_ns, depth);
	if (result)
		return result;
	if (waiting->is_tcp)
		note(order, &waiting->segment);
	return sink->take(sink->context, &waiting->packet, now_ns);
}

static int hand_on_first(struct stoq_order *order, const struct stoq_capture_sink *sink)
{
	struct waiting *first = at(order, 0);
	int result = first->gone ? 0 : hand_on(order, sink, first, first->now_ns, 0);

	drop_first(order);
	return result;
}

int stoq_order_end(struct stoq_order *order, const struct stoq_capture_sink *sink)
{
	int result = 0;

	while (order->count && !result)
		result = hand_on_first(order, sink);
	return result;
}

/* ---- adding ---- */

static bool is_to_go(const struct stoq_order *order, uint32_t captured, uint64_t now_ns)
{
	return order->count == STOQ_ORDER_PACKETS || order->bytes + captured > STOQ_ORDER_BYTES ||
	       now_ns - order->items[order->first].now_ns >= STOQ_ORDER_REACH_NS;
}

static int add(struct stoq_order *order, const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	struct waiting *waiting = at(order, order->count);
	uint8_t *bytes = malloc(packet->captured + 1);

	if (!bytes)
		return -1;
	memcpy(bytes, packet->bytes, packet->captured);
	*waiting = (struct waiting){.packet = *packet, .now_ns = now_ns};
	waiting->packet.bytes = bytes;
	waiting->is_tcp = stoq_program_parse(&waiting->packet, &waiting->segment);
	order->bytes += packet->captured;
	order->count++;
	return 0;
}

int stoq_order_add(struct stoq_order *order, const struct stoq_capture_sink *sink,
	const struct stoq_capture_packet *packet, uint64_t now_ns)
{
	int result = 0;

	while (!result && order->count && is_to_go(order, packet->captured, now_ns))
		result = hand_on_first(order, sink);
	if (result || add(order, packet, now_ns) == 0)
		return result;
	/* No memory: as they come. */
	result = stoq_order_end(order, sink);
	return result ? result : sink->take(sink->context, packet, now_ns);
}
