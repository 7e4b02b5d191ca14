// SPDX-License-Identifier: BSD-2-Clause
/*
 * The XDP program, in the kernel, and its reference in C decide the same about any sequence of
 * packets. The first input byte has the settings; then comes, for each packet, a byte that says how
 * it is wrapped, two with its length, and its bytes. Needs root.
 */
#include <string.h>

#include "require.h"
#include "tests/bpf/xdp_rig.h"

#define PACKETS_MAX 8

static struct xdp_rig *rig;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	rig = xdp_rig_open();
	return 0;
}

static void configure(uint8_t settings)
{
	static const struct stoq_cid_key key = {{1, 2}};

	xdp_rig_reset(rig);
	xdp_rig_set_flags(rig, settings & (STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID));
	xdp_rig_set_key(rig, &key);
	if (settings & 0x10)
		xdp_rig_set_limits(rig, 1, 2, 2);
	if (settings & 0x20)
		xdp_rig_add_prefix(rig, STOQ_XDP_DENIED, "10.0.0.0/9");
}

/* A short input cannot guess a seal: bit 6 puts the right one behind the connection ID's first
 * half. */
static void seal(uint8_t *payload, size_t size)
{
	size_t at = payload[0] & 0x80 ? 6 : 1;
	struct stoq_cid cid;

	if (size < at + sizeof(cid))
		return;
	memcpy(&cid, payload + at, sizeof(cid));
	cid = xdp_sealed_cid(&rig->model.key, cid.random);
	memcpy(payload + at, &cid, sizeof(cid));
}

static void send_packet(uint8_t wrapping, const uint8_t *bytes, size_t size)
{
	uint8_t payload[2000] = {0}, frame[XDP_FRAME_MAX];
	struct xdp_path path = {
		.ipv6 = wrapping & 2,
		.vlan_tags = wrapping >> 2 & 1,
		.extensions = wrapping >> 3 & 1,
		.ip_option_words = wrapping >> 3 & 1,
		.source = 0x0a000001u + ((wrapping & 0x10) << 20),
		.source_port = 4000,
		.port = XDP_RIG_PORT,
	};
	size_t length;

	memcpy(payload, bytes, size);
	if (wrapping & 0x40)
		seal(payload, size);
	if (wrapping & 1) {
		memcpy(frame, payload, size);
		length = size < 14 ? 14 : size;
		memset(frame + size, 0, length - size);
	} else {
		/* Bit 5: padded, as Initials are. */
		length = xdp_frame_make(
			frame, &path, payload, wrapping & 0x20 && size < 1252 ? 1252 : size);
	}
	require(xdp_model_run(&rig->model, frame, length) == xdp_rig_run(rig, frame, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 4)
		return 0;
	configure(*bytes);
	bytes++;
	size--;
	for (int i = 0; i < PACKETS_MAX && size >= 3; i++) {
		uint8_t wrapping = bytes[0];
		size_t length = ((size_t)bytes[1] << 8 | bytes[2]) % 2000;

		bytes += 3;
		size -= 3;
		if (length > size)
			length = size;
		send_packet(wrapping, bytes, length);
		bytes += length;
		size -= length;
	}
	return 0;
}
