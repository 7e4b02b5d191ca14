// SPDX-License-Identifier: BSD-2-Clause
/*
 * A received Ethernet frame is taken apart within its bounds; what came out of it, put into a new
 * frame, comes out again.
 */
#include <stdlib.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/frame.h"

#include "require.h"

static void build_again(const struct stoq_frame *frame)
{
	static const struct stoq_frame_link link = {.local_mac = {2}, .remote_mac = {4}};
	struct stoq_frame_template template;
	struct stoq_frame again;
	uint8_t *built = malloc(STOQ_FRAME_HEADER_MAX + frame->payload_size);
	uint32_t size;

	require(built);
	require(!stoq_frame_template_make(&template, &link, &frame->remote, &frame->local));
	size = stoq_frame_build(&template, frame->ecn, frame->payload, frame->payload_size, built);
	require(size == (uint32_t) template.header_size + frame->payload_size);
	require(!stoq_frame_parse(built, size, &again));
	require(stoq_address_equal(&again.remote, &frame->remote));
	require(stoq_address_equal(&again.local, &frame->local));
	require(again.ecn == frame->ecn && again.payload_size == frame->payload_size);
	require(!memcmp(again.payload, frame->payload, frame->payload_size));
	free(built);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	/* On the heap and of exact size, so that a sanitizer sees every read beyond it. */
	uint8_t *copy = malloc(size ? size : 1);
	struct stoq_frame frame;

	require(copy);
	memcpy(copy, data, size);
	if (!stoq_frame_parse(copy, size, &frame)) {
		require(frame.payload >= copy && frame.payload + frame.payload_size <= copy + size);
		build_again(&frame);
	}
	free(copy);
	return 0;
}
