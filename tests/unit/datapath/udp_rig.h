/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What tests of the UDP datapath share; include after cmocka.h. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/udp.h"

#define RIG_BUFFERS 8

/* What was received, in buffers of its own. */
struct rig_inbox {
	struct stoq_batch datagrams[RIG_BUFFERS];
	uint8_t *memory;
};

static inline struct stoq_address rig_address(const char *text)
{
	struct stoq_address address;
	struct stoq_error error;

	assert_int_equal(stoq_address_parse(&address, text, 0, &error), 0);
	return address;
}

static inline struct stoq_datapath *rig_open_with(struct stoq_udp_config config, const char *bind)
{
	struct stoq_datapath *datapath = NULL;
	struct stoq_error error = {.text = ""};

	config.bind = rig_address(bind);
	if (stoq_udp_open(&config, &datapath, &error))
		fail_msg("%s", error.text);
	return datapath;
}

static inline struct stoq_datapath *rig_open(const char *bind)
{
	return rig_open_with((struct stoq_udp_config){.worker = 0}, bind);
}

static inline struct stoq_address rig_local(struct stoq_datapath *datapath)
{
	struct stoq_datapath_info info;

	stoq_datapath_info(datapath, &info);
	return info.local;
}

/* host with the port that a datapath has. */
static inline struct stoq_address rig_target(const char *host, struct stoq_datapath *datapath)
{
	struct stoq_address address = rig_address(host), local = rig_local(datapath);

	stoq_address_set_port(&address, stoq_address_port(&local));
	return address;
}

static inline void rig_inbox_init(struct rig_inbox *inbox, uint32_t capacity)
{
	inbox->memory = malloc((size_t)RIG_BUFFERS * capacity);
	assert_non_null(inbox->memory);
	for (uint32_t i = 0; i < RIG_BUFFERS; i++)
		inbox->datagrams[i] = (struct stoq_batch){
			.data = inbox->memory + (size_t)i * capacity, .capacity = capacity};
}

static inline void rig_inbox_free(struct rig_inbox *inbox)
{
	free(inbox->memory);
}

/* Waits for something; what receive_batch returned. */
static inline int rig_receive(struct stoq_datapath *datapath, struct rig_inbox *inbox)
{
	struct pollfd poll_fd;
	int received = 0;

	poll_fd.fd = stoq_datapath_descriptor(datapath, &poll_fd.events);
	for (int tries = 0; tries < 20 && !received; tries++) {
		assert_true(poll(&poll_fd, 1, 5000) == 1);
		received = stoq_datapath_receive(datapath, inbox->datagrams, RIG_BUFFERS, 0);
	}
	return received;
}

/* Receives until size bytes are there, which it compares; the number of datagrams they came in. */
static inline unsigned int rig_expect_bytes(
	struct stoq_datapath *datapath, const uint8_t *bytes, size_t size, uint16_t segment_size)
{
	unsigned int datagrams = 0;
	struct rig_inbox inbox;
	size_t at = 0;

	rig_inbox_init(&inbox, STOQ_DATAGRAM_MAX_BYTES);
	while (at < size) {
		int received = rig_receive(datapath, &inbox);

		assert_true(received > 0);
		for (int i = 0; i < received; i++) {
			const struct stoq_batch *datagram = &inbox.datagrams[i];

			assert_true(datagram->segment_size && at + datagram->size <= size);
			assert_memory_equal(datagram->data, bytes + at, datagram->size);
			at += datagram->size;
			assert_true(datagram->segment_size == segment_size ||
				    (at == size && datagram->segment_size == datagram->size));
			datagrams += stoq_datagram_segments(datagram->size, datagram->segment_size);
		}
	}
	rig_inbox_free(&inbox);
	return datagrams;
}

static inline uint8_t *rig_bytes(size_t size)
{
	uint8_t *bytes = malloc(size);
	uint32_t state = 1;

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
	return bytes;
}

static inline struct stoq_udp_counters rig_counters(struct stoq_datapath *datapath)
{
	struct stoq_udp_counters counters;

	stoq_udp_counters(datapath, &counters);
	return counters;
}

static inline struct stoq_datapath_counters rig_totals(struct stoq_datapath *datapath)
{
	struct stoq_datapath_counters counters;

	stoq_datapath_counters(datapath, &counters);
	return counters;
}
