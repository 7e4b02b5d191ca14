/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "datapath/choose.h"

/*
 * choose_ebpf.c, or choose_none.c in a build without eBPF: puts the filter on the interface and
 * AF_XDP in front of the sockets that choice->datapaths holds. All or nothing; on failure they
 * are as they were, and the error says what was missing.
 */
int choose_filter(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error);
int choose_af_xdp(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error);
void choose_seal(struct stoq_xdp_filter *filter, const struct stoq_cid_key *key);
void choose_end_connection(
	struct stoq_xdp_filter *filter, const struct stoq_cid *cids, size_t count, bool gone);
void choose_retire_id(struct stoq_xdp_filter *filter, const struct stoq_cid *cid);
void choose_status(const struct stoq_datapath_choice *choice, struct stoq_ebpf_status *status);
void choose_filter_close(struct stoq_xdp_filter *filter);
