/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One direction of a path as it is on paper: packets are lost, take their time, overtake one
 * another, wait for their turn on a slow line. Pure: time is an argument, and what happens to
 * packet n depends on the seed and n alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_settings {
	uint64_t delay_ns;
	uint64_t late_ns;	  /* what a packet that is overtaken takes beyond that */
	uint32_t loss_ppm;	  /* of a million packets */
	uint32_t late_ppm;	  /* the same: of those that are overtaken */
	uint64_t bits_per_second; /* 0: as many as there are */
	uint64_t queue_bytes;	  /* that are under way at most; more are lost */
	bool dark;		  /* every packet is lost */
};

struct wire_packet {
	uint64_t due_ns;
	uint64_t number;
	size_t bytes;
	uint8_t data[];
};

struct wire_counts {
	uint64_t carried, lost, late, overflowed;
};

struct wire {
	struct wire_settings settings;
	struct wire_counts counts;
	uint64_t seed;
	uint64_t number;  /* of packets so far */
	uint64_t free_ns; /* when the line has sent all that was put on it */
	uint64_t waiting_bytes;
	struct wire_packet **heap; /* the earliest first */
	size_t waiting, capacity;
};

/* "delay=5ms", "late=1ms", "loss=0.1", "reorder=2" (percent), "rate=100M" (bits a second, as
 * stoq_parse_bytes reads them), "queue=64M", "dark=1". 0 or -EINVAL. */
int wire_set(struct wire_settings *settings, const char *text);

/* Whether the packet arrives, and when: what is due at once need not be put into the wire. */
bool wire_fate(struct wire *wire, size_t bytes, uint64_t now_ns, uint64_t *due_ns);

/* Keeps a copy until it is due. It is lost if the queue is full, or there is no memory. */
void wire_put(struct wire *wire, const uint8_t *data, size_t bytes, uint64_t due_ns);

/* The next packet that is due, which the caller frees; NULL: none is. */
struct wire_packet *wire_take(struct wire *wire, uint64_t now_ns);

/* When the next one is due; UINT64_MAX: none is under way. */
uint64_t wire_due_ns(const struct wire *wire);

void wire_free(struct wire *wire);
