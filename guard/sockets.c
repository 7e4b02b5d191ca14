// SPDX-License-Identifier: BSD-2-Clause
#include "guard/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"

#define TCP_ESTABLISHED_STATE 1
#define REPLY_BYTES	      32768

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* ---- ends ---- */

static void set_address(struct stoq_guard_end *end, int family, const void *bytes)
{
	if (family == AF_INET6) {
		memcpy(end->address, bytes, 16);
		return;
	}
	memcpy(end->address, mapped_prefix, sizeof(mapped_prefix));
	memcpy(end->address + sizeof(mapped_prefix), bytes, 4);
}

static bool is_mapped(const struct stoq_guard_end *end)
{
	return memcmp(end->address, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

const char *stoq_guard_end_text(
	const struct stoq_guard_end *end, char text[static STOQ_GUARD_END_TEXT])
{
	bool four = is_mapped(end);
	char address[INET6_ADDRSTRLEN];

	inet_ntop(four ? AF_INET : AF_INET6, end->address + (four ? 12 : 0), address,
		sizeof(address));
	snprintf(text, STOQ_GUARD_END_TEXT, four ? "%s:%u" : "[%s]:%u", address, end->port);
	return text;
}

int stoq_guard_end_parse(struct stoq_guard_end *end, const char *address, const char *port)
{
	uint8_t bytes[16];
	uint64_t number;

	if (stoq_parse_number(port, 0, UINT16_MAX, &number))
		return -EINVAL;
	if (inet_pton(AF_INET, address, bytes) == 1)
		set_address(end, AF_INET, bytes);
	else if (inet_pton(AF_INET6, address, bytes) == 1)
		set_address(end, AF_INET6, bytes);
	else
		return -EINVAL;
	end->port = (uint16_t)number;
	return 0;
}

int stoq_guard_end_of_address(struct stoq_guard_end *end, const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	*end = (struct stoq_guard_end){0};
	if (address && address->sa_family == AF_INET6)
		set_address(end, AF_INET6, &six->sin6_addr);
	else if (address && address->sa_family == AF_INET)
		set_address(end, AF_INET, &four->sin_addr);
	else
		return -EINVAL;
	return 0;
}

bool stoq_guard_end_same_address(
	const struct stoq_guard_end *one, const struct stoq_guard_end *other)
{
	return memcmp(one->address, other->address, sizeof(one->address)) == 0;
}

/* ---- listing ---- */

static int add_socket(struct stoq_guard_sockets *sockets, const struct inet_diag_msg *message)
{
	struct stoq_guard_socket *item;
	void *items = stoq_array_room(
		sockets->items, sockets->count, &sockets->capacity, sizeof(*sockets->items));

	if (!items)
		return -ENOMEM;
	sockets->items = items;
	item = &sockets->items[sockets->count++];
	*item = (struct stoq_guard_socket){
		.family = message->idiag_family,
		.interface = message->id.idiag_if,
		.cookie = {message->id.idiag_cookie[0], message->id.idiag_cookie[1]},
		.local.port = ntohs(message->id.idiag_sport),
		.remote.port = ntohs(message->id.idiag_dport),
	};
	set_address(&item->local, item->family, message->id.idiag_src);
	set_address(&item->remote, item->family, message->id.idiag_dst);
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

/* Sends a request and hands the answers, up to the last, to told. 0 or a negative errno. */
static int ask(struct mnl_socket *netlink, struct nlmsghdr *message, mnl_cb_t told, void *context)
{
	char reply[REPLY_BYTES];
	int more;

	if (mnl_socket_sendto(netlink, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t length = mnl_socket_recvfrom(netlink, reply, sizeof(reply));

		if (length < 0)
			return -errno;
		more = mnl_cb_run(reply, length, 0, mnl_socket_get_portid(netlink), told, context);
	} while (more > 0);
	return more < 0 ? -errno : 0;
}

static int open_diag(struct mnl_socket **netlink)
{
	*netlink = mnl_socket_open(NETLINK_SOCK_DIAG);
	if (!*netlink)
		return -errno;
	if (mnl_socket_bind(*netlink, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	mnl_socket_close(*netlink);
	return -errno;
}

static int list_family(
	struct mnl_socket *netlink, uint8_t family, struct stoq_guard_sockets *sockets)
{
	char buffer[4096];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	put_request(message, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family);
	return ask(netlink, message, on_socket, sockets);
}

int stoq_guard_sockets_list(struct stoq_guard_sockets *sockets, struct stoq_error *error)
{
	struct mnl_socket *netlink;
	int result = open_diag(&netlink);

	*sockets = (struct stoq_guard_sockets){0};
	if (!result) {
		result = list_family(netlink, AF_INET, sockets);
		if (!result)
			result = list_family(netlink, AF_INET6, sockets);
		mnl_socket_close(netlink);
	}
	if (!result)
		return 0;
	stoq_guard_sockets_free(sockets);
	return stoq_error_set(error, result,
		"cannot list this machine's TCP connections: %s; the kernel needs "
		"CONFIG_INET_DIAG (module tcp_diag)",
		strerror(-result));
}

void stoq_guard_sockets_free(struct stoq_guard_sockets *sockets)
{
	free(sockets->items);
	*sockets = (struct stoq_guard_sockets){0};
}

/* ---- closing ---- */

static void put_address(
	__be32 out[4], const struct stoq_guard_socket *socket, const struct stoq_guard_end *end)
{
	if (socket->family == AF_INET)
		memcpy(out, end->address + sizeof(mapped_prefix), 4);
	else
		memcpy(out, end->address, 16);
}

static int destroy(struct mnl_socket *netlink, const struct stoq_guard_socket *socket)
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
	return ask(netlink, message, NULL, NULL);
}

int stoq_guard_socket_destroy(const struct stoq_guard_socket *socket, struct stoq_error *error)
{
	char local[STOQ_GUARD_END_TEXT], remote[STOQ_GUARD_END_TEXT];
	struct mnl_socket *netlink;
	int result = open_diag(&netlink);

	if (!result) {
		result = destroy(netlink, socket);
		mnl_socket_close(netlink);
	}
	if (!result)
		return 0;
	return stoq_error_set(error, result, "cannot close the connection %s to %s: %s%s",
		stoq_guard_end_text(&socket->local, local),
		stoq_guard_end_text(&socket->remote, remote), strerror(-result),
		result == -EOPNOTSUPP ? "; the kernel lacks CONFIG_INET_DIAG_DESTROY: restart the "
					"hosts' connections by hand"
		: result == -EPERM    ? "; CAP_NET_ADMIN is missing (run as root)"
				      : "");
}
