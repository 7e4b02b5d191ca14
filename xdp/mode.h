/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where a filter looks at packets, and where it costs least. */

enum stoq_xdp_mode {
	STOQ_XDP_AUTO = 0, /* the first of the next ones that the interface takes, by its driver */
	STOQ_XDP_NATIVE,   /* XDP in the driver, before the kernel makes an skb */
	STOQ_XDP_GENERIC,  /* XDP behind that: works anywhere, saves less */
	STOQ_XDP_TC,	   /* the interface's tc ingress: leaves its offloads alone */
};

/* "auto", "native", "generic", "tc". */
const char *stoq_xdp_mode_name(enum stoq_xdp_mode mode);
/* "native XDP", "generic XDP", "tc ingress". */
const char *stoq_xdp_mode_text(enum stoq_xdp_mode mode);

/*
 * What to try first on this interface: STOQ_XDP_TC where its driver turns segmentation offload off
 * for an XDP program, and STOQ_XDP_NATIVE elsewhere.
 */
enum stoq_xdp_mode stoq_xdp_mode_of(const char *interface);
