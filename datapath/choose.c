// SPDX-License-Identifier: BSD-2-Clause
#include "datapath/choose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/address.h"
#include "datapath/choose_private.h"

static const char *const names[] = {
	[STOQ_DATAPATH_AUTO] = "auto",
	[STOQ_DATAPATH_SOCKET] = "socket",
	[STOQ_DATAPATH_AF_XDP] = "af_xdp",
};

int stoq_datapath_kind_parse(
	enum stoq_datapath_kind *kind, const char *text, struct stoq_error *error)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(text, names[i]) == 0) {
			*kind = i;
			return 0;
		}
	return stoq_error_set(error, -EINVAL, "'%s' is no datapath: auto, socket or af_xdp", text);
}

const char *stoq_datapath_kind_name(enum stoq_datapath_kind kind)
{
	return names[kind];
}

static int open_sockets(const struct stoq_datapath_request *request,
	struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	unsigned int workers = request->udp.worker_count ? request->udp.worker_count : 1;
	bool own_ports = request->own_ports && request->kind != STOQ_DATAPATH_AF_XDP;
	struct stoq_udp_config config = request->udp;
	struct stoq_datapath_info info;
	int code;

	if (workers > STOQ_DATAPATH_WORKERS_MAX)
		return stoq_error_set(error, -EINVAL, "%u workers; at most %u can be", workers,
			STOQ_DATAPATH_WORKERS_MAX);
	if (own_ports)
		config.worker_count = 1;
	while (choice->count < workers) {
		config.worker = own_ports ? 0 : choice->count;
		code = stoq_udp_open(&config, &choice->datapaths[choice->count], error);
		if (code)
			return code;
		/* The kernel chose a port for the first; the others share it. */
		stoq_datapath_info(choice->datapaths[choice->count++], &info);
		if (!own_ports)
			stoq_address_set_port(&config.bind, stoq_address_port(&info.local));
	}
	return 0;
}

/* Sockets are there; what eBPF can add to them. */
static int add_ebpf(const struct stoq_datapath_request *request,
	struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	struct stoq_error why = {.code = 0};
	int code;

	if (request->own_ports && choice->count > 1 && request->kind != STOQ_DATAPATH_AF_XDP)
		code = stoq_error_set(&why, -ENOTSUP, "each worker has a port of its own");
	else
		code = choose_filter(request, choice, &why);
	if (!code && request->kind != STOQ_DATAPATH_SOCKET)
		code = choose_af_xdp(request, choice, &why);
	if (!code && choice->kind == STOQ_DATAPATH_AF_XDP)
		return 0;
	if (request->kind == STOQ_DATAPATH_AF_XDP)
		return stoq_error_set(error, why.code, "%s", why.text);
	if (choice->filter && !request->filter) {
		choose_filter_close(choice->filter);
		choice->filter = NULL;
		choice->interface[0] = '\0';
	}
	if (code)
		snprintf(choice->reason, sizeof(choice->reason), "sockets: %.380s", why.text);
	return 0;
}

int stoq_datapath_choose(const struct stoq_datapath_request *request,
	struct stoq_datapath_choice *choice, struct stoq_error *error)
{
	int code;

	*choice = (struct stoq_datapath_choice){.kind = STOQ_DATAPATH_SOCKET};
	code = open_sockets(request, choice, error);
	if (!code && (request->kind != STOQ_DATAPATH_SOCKET || request->filter))
		code = add_ebpf(request, choice, error);
	if (code) {
		stoq_datapath_choice_close(choice);
		return code;
	}
	if (!choice->reason[0])
		snprintf(choice->reason, sizeof(choice->reason), "sockets%s",
			request->kind == STOQ_DATAPATH_SOCKET ? ", as asked for" : "");
	return 0;
}

void stoq_datapath_choice_seal(struct stoq_datapath_choice *choice, const struct stoq_cid_key *key)
{
	if (choice->filter)
		choose_seal(choice->filter, key);
}

void stoq_datapath_choice_end_connection(
	struct stoq_datapath_choice *choice, const struct stoq_cid *cids, size_t count, bool gone)
{
	if (choice->filter)
		choose_end_connection(choice->filter, cids, count, gone);
}

void stoq_datapath_choice_retire_id(struct stoq_datapath_choice *choice, const struct stoq_cid *cid)
{
	if (choice->filter)
		choose_retire_id(choice->filter, cid);
}

void stoq_datapath_choice_status(
	const struct stoq_datapath_choice *choice, struct stoq_ebpf_status *status)
{
	*status = (struct stoq_ebpf_status){.datapath = choice->kind};
	memcpy(status->reason, choice->reason, sizeof(status->reason));
	memcpy(status->interface, choice->interface, sizeof(status->interface));
	if (choice->filter)
		choose_status(choice, status);
}

void stoq_datapath_choice_close(struct stoq_datapath_choice *choice)
{
	for (unsigned int i = 0; i < choice->count && !choice->handed_over; i++)
		stoq_datapath_close(choice->datapaths[i]);
	if (choice->filter)
		choose_filter_close(choice->filter);
	*choice = (struct stoq_datapath_choice){.count = 0};
}
