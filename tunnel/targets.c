// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/targets.h"
#include "tunnel/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* NULL: no target has that name. "" is the first. */
static const struct stoq_tunnel_target *find_target(
	const struct stoq_tunnel_config *config, const char *name)
{
	if (!name[0])
		return &config->targets[0];
	for (unsigned int i = 0; i < config->target_count; i++)
		if (strcmp(config->targets[i].name, name) == 0)
			return &config->targets[i];
	return NULL;
}

/* A socket that is connecting, or a negative errno. */
static int begin_connecting(const struct stoq_address *address)
{
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, &address->sa, address->length) && errno != EINPROGRESS) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static void tell_limit(const struct stoq_carrier *carrier, const char *option)
{
	stoq_tunnel_log(carrier->worker->tunnel, STOQ_LOG_WARNING,
		"%s: a queue was refused: %s are open", carrier->peer, option);
}

/* One more queue of this host end. NULL: it has too many. */
static struct stoq_share *take_share(struct stoq_carrier *carrier)
{
	struct stoq_share *share =
		stoq_share_take(&carrier->worker->tunnel->shares, stoq_carrier_name(carrier));

	if (!share)
		tell_limit(carrier, "--host-queues of its name");
	return share;
}

static struct stoq_tunnel_link *new_link(struct stoq_carrier *carrier, int fd,
	const struct stoq_address *address, const struct stoq_lane_header *header)
{
	struct stoq_share *share = take_share(carrier);
	struct stoq_tunnel_link *link = share ? stoq_link_new(carrier->worker, fd, address) : NULL;

	if (!link) {
		if (share)
			tell_limit(carrier, "--max-queues");
		stoq_share_give(&carrier->worker->tunnel->shares, share);
		close(fd);
		return NULL;
	}
	link->share = share;
	link->connecting = true;
	link->queue = header->queue;
	link->mux.bytes = header->bytes;
	return link;
}

static struct stoq_tunnel_link *open_link(struct stoq_carrier *carrier,
	const struct stoq_tunnel_target *target, const struct stoq_lane_header *header,
	enum stoq_lane_code *code)
{
	int fd = begin_connecting(&target->address);
	char address[STOQ_ADDRESS_TEXT];

	*code = STOQ_LANE_UNREACHABLE;
	if (fd < 0) {
		stoq_tunnel_log(carrier->worker->tunnel, STOQ_LOG_WARNING,
			"target %s cannot be reached: %s",
			stoq_address_text(address, &target->address), strerror(-fd));
		return NULL;
	}
	*code = STOQ_LANE_LIMIT;
	return new_link(carrier, fd, &target->address, header);
}

struct stoq_tunnel_link *stoq_targets_connect(struct stoq_carrier *carrier,
	const struct stoq_lane_header *header, enum stoq_lane_code *code)
{
	struct stoq_tunnel *tunnel = carrier->worker->tunnel;
	const struct stoq_tunnel_target *target = find_target(&tunnel->config, header->target);
	struct stoq_tunnel_link *link;

	*code = STOQ_LANE_UNKNOWN_TARGET;
	if (!target) {
		stoq_tunnel_log(tunnel, STOQ_LOG_WARNING, "%s: there is no target '%s' here",
			carrier->peer, header->target);
		return NULL;
	}
	*code = STOQ_LANE_NOT_NVME;
	if (header->bytes && !tunnel->config.bytes) {
		stoq_tunnel_log(tunnel, STOQ_LOG_WARNING,
			"%s: a connection that is not NVMe/TCP was refused; --bytes allows them",
			carrier->peer);
		return NULL;
	}
	link = open_link(carrier, target, header, code);
	if (!link)
		return NULL;
	memcpy(link->target, target->name, sizeof(link->target));
	stoq_link_carry(link, carrier);
	if (stoq_tunnel_watch_add(carrier->worker->epoll_fd, &link->watch, EPOLLOUT)) {
		stoq_link_reset(link, STOQ_LANE_LIMIT, "no memory for its socket");
		return NULL;
	}
	return link;
}
