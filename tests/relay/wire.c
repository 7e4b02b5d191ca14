// SPDX-License-Identifier: BSD-2-Clause
#include "tests/relay/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define MILLION 1000000

/* ---- settings ---- */

/* "0.1": of a million. */
static int parse_percent(const char *text, uint32_t *ppm)
{
	char *end;
	double percent = strtod(text, &end);

	if (end == text || *end || !(percent >= 0 && percent <= 100))
		return -EINVAL;
	*ppm = (uint32_t)(percent * MILLION / 100 + 0.5);
	return 0;
}

static int parse_switch(const char *text, bool *on)
{
	uint64_t value;
	int result = stoq_parse_number(text, 0, 1, &value);

	if (!result)
		*on = value;
	return result;
}

int wire_set(struct wire_settings *settings, const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value ? (size_t)(value++ - text) : 0;

	if (length == 5 && memcmp(text, "delay", 5) == 0)
		return stoq_parse_duration_ns(value, &settings->delay_ns);
	if (length == 4 && memcmp(text, "late", 4) == 0)
		return stoq_parse_duration_ns(value, &settings->late_ns);
	if (length == 4 && memcmp(text, "loss", 4) == 0)
		return parse_percent(value, &settings->loss_ppm);
	if (length == 7 && memcmp(text, "reorder", 7) == 0)
		return parse_percent(value, &settings->late_ppm);
	if (length == 4 && memcmp(text, "rate", 4) == 0)
		return stoq_parse_bytes(value, &settings->bits_per_second);
	if (length == 5 && memcmp(text, "queue", 5) == 0)
		return stoq_parse_bytes(value, &settings->queue_bytes);
	if (length == 4 && memcmp(text, "dark", 4) == 0)
		return parse_switch(value, &settings->dark);
	return -EINVAL;
}

/* ---- what happens to a packet ---- */

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t random_of(uint64_t seed, uint64_t number)
{
	uint64_t value = seed + (number + 1) * 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

static uint64_t sent_ns(struct wire *wire, size_t bytes, uint64_t now_ns)
{
	uint64_t rate = wire->settings.bits_per_second;

	if (!rate)
		return now_ns;
	if (wire->free_ns < now_ns)
		wire->free_ns = now_ns;
	wire->free_ns += bytes * 8 * 1000000000u / rate;
	return wire->free_ns;
}

bool wire_fate(struct wire *wire, size_t bytes, uint64_t now_ns, uint64_t *due_ns)
{
	const struct wire_settings *settings = &wire->settings;
	uint64_t dice = random_of(wire->seed, wire->number++);

	if (settings->dark || (uint32_t)dice % MILLION < settings->loss_ppm) {
		wire->counts.lost++;
		return false;
	}
	*due_ns = sent_ns(wire, bytes, now_ns) + settings->delay_ns;
	if ((uint32_t)(dice >> 32) % MILLION < settings->late_ppm) {
		wire->counts.late++;
		*due_ns += settings->late_ns;
	}
	wire->counts.carried++;
	return true;
}

/* ---- packets under way ---- */

static bool is_before(const struct wire_packet *one, const struct wire_packet *other)
{
	return one->due_ns != other->due_ns ? one->due_ns < other->due_ns
					    : one->number < other->number;
}

static void swap(struct wire_packet **one, struct wire_packet **other)
{
	struct wire_packet *packet = *one;

	*one = *other;
	*other = packet;
}

static void move_up(struct wire_packet **heap, size_t at)
{
	for (; at && is_before(heap[at], heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&heap[at], &heap[(at - 1) / 2]);
}

static void move_down(struct wire_packet **heap, size_t count)
{
	size_t at = 0, least;

	for (;; at = least) {
		least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
			if (is_before(heap[child], heap[least]))
				least = child;
		if (least == at)
			return;
		swap(&heap[at], &heap[least]);
	}
}

static bool has_room(struct wire *wire, size_t bytes)
{
	size_t capacity = wire->capacity ? 2 * wire->capacity : 256;
	struct wire_packet **heap;

	if (wire->waiting_bytes + bytes > wire->settings.queue_bytes)
		return false;
	if (wire->waiting < wire->capacity)
		return true;
	// NOLINTNEXTLINE(bugprone-sizeof-expression): it has pointers
	heap = realloc(wire->heap, capacity * sizeof(*heap));
	if (!heap)
		return false;
	wire->heap = heap;
	wire->capacity = capacity;
	return true;
}

void wire_put(struct wire *wire, const uint8_t *data, size_t bytes, uint64_t due_ns)
{
	struct wire_packet *packet = has_room(wire, bytes) ? malloc(sizeof(*packet) + bytes) : NULL;

	if (!packet) {
		wire->counts.carried--;
		wire->counts.overflowed++;
		return;
	}
	*packet = (struct wire_packet){.due_ns = due_ns, .number = wire->number, .bytes = bytes};
	memcpy(packet->data, data, bytes);
	wire->waiting_bytes += bytes;
	wire->heap[wire->waiting] = packet;
	move_up(wire->heap, wire->waiting++);
}

struct wire_packet *wire_take(struct wire *wire, uint64_t now_ns)
{
	struct wire_packet *packet;

	if (!wire->waiting || wire->heap[0]->due_ns > now_ns)
		return NULL;
	packet = wire->heap[0];
	wire->heap[0] = wire->heap[--wire->waiting];
	move_down(wire->heap, wire->waiting);
	wire->waiting_bytes -= packet->bytes;
	return packet;
}

uint64_t wire_due_ns(const struct wire *wire)
{
	return wire->waiting ? wire->heap[0]->due_ns : UINT64_MAX;
}

void wire_free(struct wire *wire)
{
	while (wire->waiting)
		free(wire->heap[--wire->waiting]);
	free(wire->heap);
	wire->heap = NULL;
	wire->capacity = 0;
}
