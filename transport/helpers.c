// SPDX-License-Identifier: BSD-2-Clause
/* What every program around a transport needs: the time, and the addresses of a host. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stoq/transport.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

uint64_t stoq_now_ns(void)
{
	return stoq_clock_now_ns();
}

static int refuse(struct stoq_error *error, const char *host, int failure)
{
	switch (failure) {
	case EAI_AGAIN:
		return stoq_error_set(error, -EAGAIN,
			"the addresses of '%.200s' are not known: the name service does not "
			"answer. "
			"Try again, or give an address",
			host);
	case EAI_MEMORY:
		return stoq_error_set(error, -ENOMEM, "no memory to look up '%.200s'", host);
	case EAI_SYSTEM:
		return stoq_error_set(error, errno ? -errno : -EIO,
			"'%.200s' cannot be looked up: %s", host, strerror(errno));
	default:
		return stoq_error_set(error, -ENOENT, "there is no host '%.200s': %s", host,
			gai_strerror(failure));
	}
}

int stoq_resolve(const char *host, uint16_t port, struct sockaddr_storage *addresses, size_t max,
	struct stoq_error *error)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL, *at;
	char service[8];
	size_t count = 0;
	int failure;

	if (!host || !host[0] || !max)
		return stoq_error_set(error, -EINVAL, "there is no host, or no room for addresses");
	snprintf(service, sizeof(service), "%u", port);
	failure = getaddrinfo(host, service, &hints, &list);
	if (failure)
		return refuse(error, host, failure);
	for (at = list; at && count < max; at = at->ai_next) {
		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		memset(&addresses[count], 0, sizeof(addresses[count]));
		memcpy(&addresses[count++], at->ai_addr, at->ai_addrlen);
	}
	freeaddrinfo(list);
	return count ? (int)count : refuse(error, host, EAI_NONAME);
}
