// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tc program, in the kernel, and the reference decoder find the same PDUs, however the
 * stream is cut and whatever is sent twice, up to the first place that is no PDU; after that
 * each may learn in its own way. The first input byte chooses the side, the next four the cuts; the
 * rest is the stream. Needs root.
 */
#include <string.h>

#include "bpf/stream/event_shared.h"
#include "nvme/nvme_tcp_stream.h"
#include "require.h"
#include "tests/bpf/rig.h"
#include "tests/unit/nvme/sample_stream.h"

#define PDUS_MAX 1024

static struct rig *rig;

struct reference {
	struct nvme_tcp_stream stream;
	size_t count;
	uint64_t offsets[PDUS_MAX];
	uint8_t headers[PDUS_MAX][NVME_TCP_HEADER_MAX];
};

static void on_pdu(void *context, const struct nvme_tcp_hdr *hdr, uint64_t offset)
{
	struct reference *reference = context;

	if (reference->stream.counters.bad_headers || reference->count == PDUS_MAX)
		return;
	memcpy(reference->headers[reference->count], hdr, hdr->hlen);
	reference->offsets[reference->count++] = offset;
}

static const struct nvme_tcp_stream_events events = {.pdu = on_pdu};

#define QUIET_FIRST 1000 /* sequence number of the first byte of the side that sends no data */

/* The program follows a connection from its SYNs on, if they answer each other. */
static void open_connection(const struct wire_path *path, enum nvme_tcp_side side, uint32_t first)
{
	uint32_t host = side == NVME_TCP_FROM_HOST ? first : QUIET_FIRST;
	uint32_t controller = side == NVME_TCP_FROM_HOST ? QUIET_FIRST : first;
	struct wire_segment syn = {.sequence = host - 1, .flags = WIRE_SYN};
	struct wire_segment answer = {.from_controller = true,
		.sequence = controller - 1,
		.acknowledged = host,
		.flags = WIRE_SYN | WIRE_ACK};

	rig_send(rig, path, &syn);
	rig_send(rig, path, &answer);
}

static void send_cut(const struct wire_path *path, enum nvme_tcp_side side, uint32_t first,
	const uint8_t *bytes, size_t size, uint32_t random)
{
	size_t longest = 1 + random % 1400;

	for (size_t from = 0; from < size;) {
		size_t length = 1 + sample_random(&random) % longest;
		size_t back = sample_random(&random) % 8 ? 0 : sample_random(&random) % 300;
		struct wire_segment segment = {.from_controller = side == NVME_TCP_FROM_CONTROLLER,
			.acknowledged = QUIET_FIRST,
			.flags = WIRE_ACK};

		if (back > from)
			back = from;
		if (length > size - from)
			length = size - from;
		segment.sequence = first + (uint32_t)(from - back);
		segment.payload = bytes + from - back;
		segment.payload_bytes = length + back;
		rig_send(rig, path, &segment);
		from += length;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	rig = rig_open();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint16_t port;
	static struct reference reference;
	struct wire_path path = rig_path();
	enum nvme_tcp_side side;
	uint32_t random, first;

	if (size < 6)
		return 0;
	side = bytes[0] & 1;
	memcpy(&random, bytes + 1, sizeof(random));
	random |= 1;
	first = random ^ 0x5a5a5a5a;
	bytes += 5;
	size -= 5;
	reference.count = 0;
	nvme_tcp_stream_init(&reference.stream, side, true, &events, &reference);
	nvme_tcp_stream_feed(&reference.stream, bytes, size);

	path.host_port = ++port;
	path.ipv6 = random >> 8 & 1;
	path.vlan_tags = random >> 9 & 1;
	rig->pdu_count = rig->command_count = 0;
	open_connection(&path, side, first);
	send_cut(&path, side, first, bytes, size, random);
	require(rig->pdu_count >= reference.count);
	if (!reference.stream.counters.bad_headers)
		require(rig->pdu_count == reference.count || reference.count == PDUS_MAX);
	for (size_t i = 0; i < reference.count; i++) {
		require(rig->pdus[i].sequence == first + (uint32_t)reference.offsets[i]);
		require(!memcmp(
			rig->pdus[i].header, reference.headers[i], reference.headers[i][2]));
	}
	return 0;
}
