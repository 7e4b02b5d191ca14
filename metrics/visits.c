// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/visits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/endpoint.h"

static void find_origin(uint8_t origin[static 16], const struct sockaddr *from)
{
	memset(origin, 0, 16);
	if (from->sa_family == AF_INET) {
		memcpy(origin, stoq_mapped_prefix, STOQ_MAPPED_BYTES);
		memcpy(origin + STOQ_MAPPED_BYTES,
			&((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		memcpy(origin, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	}
	if (stoq_host_is_loopback(origin))
		memset(origin, 0, 16);
	else if (!stoq_host_is_mapped(origin))
		memset(origin + 8, 0, 8);
}

static bool is_loopback(const uint8_t origin[static 16])
{
	static const uint8_t none[16];

	return memcmp(origin, none, sizeof(none)) == 0;
}

static void end(struct stoq_visit *visit)
{
	shutdown(visit->fd, SHUT_RDWR);
	visit->over = true;
}

/* Whether it counts: of this origin; NULL: of any. */
static bool counts(const struct stoq_visit *visit, const uint8_t *origin)
{
	return !visit->over &&
	       (!origin || memcmp(visit->origin, origin, sizeof(visit->origin)) == 0);
}

/* The one without a request that has waited longest; NULL: all are answered. */
static struct stoq_visit *find_idle(const struct stoq_visits *visits, const uint8_t *origin)
{
	struct stoq_visit *idle = NULL;

	for (struct stoq_visit *visit = visits->first; visit; visit = visit->next)
		if (counts(visit, origin) && visit->phase != STOQ_VISIT_ANSWERS &&
			(!idle || visit->since_ns < idle->since_ns))
			idle = visit;
	return idle;
}

/* Makes room for one more among those of the origin. False: there is no room. */
static bool make_room(struct stoq_visits *visits, const uint8_t *origin, unsigned int most)
{
	struct stoq_visit *idle;
	unsigned int count = 0;

	for (const struct stoq_visit *visit = visits->first; visit; visit = visit->next)
		count += counts(visit, origin);
	if (count < most)
		return true;
	idle = find_idle(visits, origin);
	if (idle)
		end(idle);
	return idle;
}

struct stoq_visit *stoq_visits_add(
	struct stoq_visits *visits, int fd, const struct sockaddr *from, uint64_t now_ns)
{
	struct stoq_visit *visit = calloc(1, sizeof(*visit)), **place = &visits->first;
	bool room = visit;

	if (room) {
		find_origin(visit->origin, from);
		room = (is_loopback(visit->origin) ||
			       make_room(visits, visit->origin, STOQ_VISITS_ORIGIN)) &&
		       make_room(visits, NULL, STOQ_VISITS_MAX);
	}
	if (!room) {
		shutdown(fd, SHUT_RDWR);
		free(visit);
		return NULL;
	}
	visit->fd = fd;
	visit->since_ns = now_ns;
	while (*place)
		place = &(*place)->next;
	*place = visit;
	return visit;
}

void stoq_visits_remove(struct stoq_visits *visits, struct stoq_visit *visit)
{
	struct stoq_visit **place = &visits->first;

	while (*place != visit)
		place = &(*place)->next;
	*place = visit->next;
	free(visit);
}

void stoq_visit_enter(struct stoq_visit *visit, enum stoq_visit_phase phase, uint64_t now_ns)
{
	visit->phase = phase;
	visit->since_ns = now_ns;
}

void stoq_visits_end_late(struct stoq_visits *visits, uint64_t now_ns)
{
	static const uint64_t limits_ns[] = {[STOQ_VISIT_ASKS] = 10000000000,
		[STOQ_VISIT_ANSWERS] = 60000000000,
		[STOQ_VISIT_IDLES] = 120000000000};

	for (struct stoq_visit *visit = visits->first; visit; visit = visit->next)
		if (!visit->over && now_ns - visit->since_ns > limits_ns[visit->phase])
			end(visit);
}
