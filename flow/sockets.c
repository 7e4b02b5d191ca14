// SPDX-License-Identifier: BSD-2-Clause
#include "flow/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "netlink/request.h"

#define TCP_ESTABLISHED_STATE 1

/* ---- listing ---- */

static int add_socket(struct stoq_flow_sockets *sockets, const struct inet_diag_msg *message)
{
	struct stoq_flow_socket *item;
	void *items = stoq_array_room(
		sockets->items, sockets->count, &sockets->capacity, sizeof(*sockets->items));

	if (!items)
		return -ENOMEM;
	sockets->items = items;
	item = &sockets->items[sockets->count++];
	*item = (struct stoq_flow_socket){
		.family = message->idiag_family,
		.interface = message->id.idiag_if,
		.cookie = {message->id.idiag_cookie[0], message->id.idiag_cookie[1]},
		.local.port = ntohs(message->id.idiag_sport),
		.remote.port = ntohs(message->id.idiag_dport),
	};
	stoq_flow_end_set(&item->local, item->family, message->id.idiag_src);
	stoq_flow_end_set(&item->remote, item->family, message->id.idiag_dst);
	return 0;
}

static int on_socket(const struct nlmsghdr *message, void *context)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct inet_diag_msg))
		return MNL_CB_OK;
	if (add_socket(context, mnl_nlmsg_get_payload(message)) == 0)
		return MNL_CB_OK;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static struct inet_diag_req_v2 *put_request(
	struct nlmsghdr *message, uint16_t type, uint16_t flags, uint8_t family)
{
	struct inet_diag_req_v2 *request;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = 1u << TCP_ESTABLISHED_STATE;
	return request;
}

static int list_family(
	struct mnl_socket *netlink, uint8_t family, struct stoq_flow_sockets *sockets)
{
	char buffer[4096];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	put_request(message, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family);
	return stoq_netlink_request(netlink, message, on_socket, sockets);
}

int stoq_flow_sockets_list(struct stoq_flow_sockets *sockets, struct stoq_error *error)
{
	struct mnl_socket *netlink;
	int result = stoq_netlink_open(&netlink, NETLINK_SOCK_DIAG, 0);

	*sockets = (struct stoq_flow_sockets){0};
	if (!result) {
		result = list_family(netlink, AF_INET, sockets);
		if (!result)
			result = list_family(netlink, AF_INET6, sockets);
		mnl_socket_close(netlink);
	}
	if (!result)
		return 0;
	stoq_flow_sockets_free(sockets);
	return stoq_error_set(error, result,
		"cannot list this machine's TCP connections: %s; the kernel needs "
		"CONFIG_INET_DIAG (module tcp_diag)",
		strerror(-result));
}

void stoq_flow_sockets_free(struct stoq_flow_sockets *sockets)
{
	free(sockets->items);
	*sockets = (struct stoq_flow_sockets){0};
}

/* ---- closing ---- */

static void put_address(
	__be32 out[4], const struct stoq_flow_socket *socket, const struct stoq_flow_end *end)
{
	if (socket->family == AF_INET)
		memcpy(out, end->address + sizeof(end->address) - 4, 4);
	else
		memcpy(out, end->address, 16);
}

static int destroy(const struct stoq_flow_socket *socket)
{
	char buffer[4096];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request =
		put_request(message, SOCK_DESTROY, NLM_F_ACK, socket->family);

	request->id.idiag_sport = htons(socket->local.port);
	request->id.idiag_dport = htons(socket->remote.port);
	put_address(request->id.idiag_src, socket, &socket->local);
	put_address(request->id.idiag_dst, socket, &socket->remote);
	request->id.idiag_if = socket->interface;
	request->id.idiag_cookie[0] = socket->cookie[0];
	request->id.idiag_cookie[1] = socket->cookie[1];
	return stoq_netlink_request_once(NETLINK_SOCK_DIAG, message, NULL, NULL);
}

int stoq_flow_socket_destroy(const struct stoq_flow_socket *socket, struct stoq_error *error)
{
	char local[STOQ_FLOW_END_TEXT], remote[STOQ_FLOW_END_TEXT];
	int result = destroy(socket);

	if (!result)
		return 0;
	return stoq_error_set(error, result, "cannot close the connection %s to %s: %s%s",
		stoq_flow_end_text(&socket->local, local),
		stoq_flow_end_text(&socket->remote, remote), strerror(-result),
		result == -EOPNOTSUPP ? "; the kernel lacks CONFIG_INET_DIAG_DESTROY: restart the "
					"hosts' connections by hand"
		: result == -EPERM    ? "; CAP_NET_ADMIN is missing (run as root)"
				      : "");
}
