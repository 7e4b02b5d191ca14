/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The connections of an endpoint: how many there may be, of all and of one address, and for how long each may keep its place.
 * When there is no room, a newcomer gets the place of the connection that has waited longest without a request: connections
 * that are opened and not used keep no scraper out. All calls are from the endpoint's thread.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define STOQ_VISITS_MAX	   64
/* Of an address outside of loopback; of IPv6 the first 64 bits: a host may use all addresses of its network. */
#define STOQ_VISITS_ORIGIN 16

/* However the bytes trickle in, or are taken. */
enum stoq_visit_phase {
	STOQ_VISIT_ASKS, /* new: 10 s to the end of a request's headers, a TLS handshake included */
	STOQ_VISIT_ANSWERS, /* 60 s to the end of the answer */
	STOQ_VISIT_IDLES, /* was answered: 120 s to the next request. Scrapers keep connections open */
};

struct stoq_web_state;

struct stoq_visit {
	int fd;
	uint8_t origin[16]; /* all 0: loopback */
	enum stoq_visit_phase phase;
	bool over;	   /* shut down: its end is to come */
	uint64_t since_ns; /* when the phase began */
	struct stoq_web_state
		*state; /* the reading of the files that its handshake was made with; NULL: none */
	struct stoq_visit *next; /* younger */
};

struct stoq_visits {
	struct stoq_visit *first; /* the oldest */
};

/* A new connection. NULL: there is no room, or no memory: it was shut down. */
struct stoq_visit *stoq_visits_add(
	struct stoq_visits *visits, int fd, const struct sockaddr *from, uint64_t now_ns);
/* It has ended. */
void stoq_visits_remove(struct stoq_visits *visits, struct stoq_visit *visit);

void stoq_visit_enter(struct stoq_visit *visit, enum stoq_visit_phase phase, uint64_t now_ns);

/* Shuts down those that take too long. */
void stoq_visits_end_late(struct stoq_visits *visits, uint64_t now_ns);
