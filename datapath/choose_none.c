// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>

#include "datapath/choose_private.h"

int choose_filter(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	return stoq_error_set(error, -ENOTSUP,
		"this STOQ was built without eBPF (-DSTOQ_EBPF=OFF): no XDP filter and no AF_XDP");
}

int choose_af_xdp(const struct stoq_datapath_request *request, struct stoq_datapath_choice *choice,
	struct stoq_error *error)
{
	return choose_filter(request, choice, error);
}

void choose_filter_close(struct stoq_xdp_filter *filter)
{
}

void choose_seal(struct stoq_xdp_filter *filter, const struct stoq_cid_key *key)
{
}

void choose_end_connection(
	struct stoq_xdp_filter *filter, const struct stoq_cid *cids, size_t count, bool gone)
{
}

void choose_retire_id(struct stoq_xdp_filter *filter, const struct stoq_cid *cid)
{
}

void choose_status(const struct stoq_datapath_choice *choice, struct stoq_ebpf_status *status)
{
}
