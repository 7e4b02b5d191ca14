// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/xdp_cases.h"

#include <string.h>

const struct stoq_cid_key xdp_key = {{0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};
const struct xdp_path xdp_plain = {.source = 0xc0a80005, .source_port = 4000, .port = XDP_RIG_PORT};

enum stoq_xdp_verdict xdp_send_payload(
	const struct xdp_path *path, const void *payload, size_t bytes)
{
	uint8_t frame[XDP_FRAME_MAX];

	return xdp_rig_compare(the_xdp_rig, frame, xdp_frame_make(frame, path, payload, bytes));
}

/* An Initial as clients send it. */
struct xdp_quic xdp_initial(void)
{
	return (struct xdp_quic){.type = XDP_INITIAL,
		.version = 1,
		.dcid = {1, 2, 3, 4, 5, 6, 7, 8},
		.dcid_bytes = 8,
		.scid_bytes = 16,
		.body_bytes = 1180};
}

struct xdp_quic xdp_with_cid(enum xdp_quic_type type, const struct stoq_cid *cid)
{
	struct xdp_quic quic = xdp_initial();

	quic.type = type;
	quic.dcid_bytes = sizeof(*cid);
	memcpy(quic.dcid, cid, sizeof(*cid));
	return quic;
}

enum stoq_xdp_verdict xdp_send_long(const struct xdp_path *path, const struct xdp_quic *quic)
{
	uint8_t bytes[4096];

	return xdp_send_payload(path, bytes, xdp_quic_make_long(bytes, quic));
}

enum stoq_xdp_verdict xdp_send_short(const struct xdp_path *path, const struct stoq_cid *cid)
{
	uint8_t bytes[200];

	return xdp_send_payload(path, bytes, xdp_quic_make_short(bytes, cid, sizeof(bytes)));
}

enum stoq_xdp_verdict xdp_send_initial(const struct xdp_path *path)
{
	struct xdp_quic quic = xdp_initial();

	return xdp_send_long(path, &quic);
}

int xdp_fresh(void **state)
{
	(void)state;
	xdp_rig_reset(the_xdp_rig);
	return 0;
}

int xdp_fresh_sealed(void **state)
{
	xdp_fresh(state);
	xdp_rig_set_flags(the_xdp_rig, STOQ_XDP_ACCEPT | STOQ_XDP_CHECK_CID);
	xdp_rig_set_key(the_xdp_rig, &xdp_key);
	return 0;
}
