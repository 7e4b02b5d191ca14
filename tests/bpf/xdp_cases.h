/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the cases of test_xdp_program are written with: frames sent through the program and the
 * reference, which must agree.
 */
#include "tests/bpf/xdp_rig.h"

extern const struct stoq_cid_key xdp_key;
extern const struct xdp_path xdp_plain; /* IPv4, to the rig's port */

/* An Initial as clients send it; and another packet for a connection ID of ours. */
struct xdp_quic xdp_initial(void);
struct xdp_quic xdp_with_cid(enum xdp_quic_type type, const struct stoq_cid *cid);

enum stoq_xdp_verdict xdp_send_payload(
	const struct xdp_path *path, const void *payload, size_t bytes);
enum stoq_xdp_verdict xdp_send_long(const struct xdp_path *path, const struct xdp_quic *quic);
enum stoq_xdp_verdict xdp_send_short(const struct xdp_path *path, const struct stoq_cid *cid);
enum stoq_xdp_verdict xdp_send_initial(const struct xdp_path *path);

/* Before each case: as a server without a key, or with xdp_key. */
int xdp_fresh(void **state);
int xdp_fresh_sealed(void **state);

/* The cases about connections (xdp_connection_cases.c); how many failed. */
int xdp_test_connections(void);
