// SPDX-License-Identifier: BSD-2-Clause
/* Connections of an endpoint: a scraper finds a place, whatever others open, and nobody keeps one for good. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics/visits.h"

#define SECOND 1000000000ull

/* A connection, and the client's end of it. */
struct client {
	struct stoq_visit *visit;
	int ends[2];
};

static struct client arrive(struct stoq_visits *visits, const char *from, uint64_t now_ns)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct client client;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client.ends), 0);
	if (inet_pton(AF_INET, from, &v4.sin_addr) == 1)
		client.visit =
			stoq_visits_add(visits, client.ends[0], (struct sockaddr *)&v4, now_ns);
	else if (inet_pton(AF_INET6, from, &v6.sin6_addr) == 1)
		client.visit =
			stoq_visits_add(visits, client.ends[0], (struct sockaddr *)&v6, now_ns);
	else
		fail_msg("%s", from);
	return client;
}

static bool is_open(const struct client *client)
{
	char byte;

	return recv(client->ends[1], &byte, 1, 0) < 0;
}

static void leave(struct stoq_visits *visits, struct client *client)
{
	if (client->visit)
		stoq_visits_remove(visits, client->visit);
	close(client->ends[0]);
	close(client->ends[1]);
}

static unsigned int count_open(const struct client *clients, unsigned int count)
{
	unsigned int open = 0;

	for (unsigned int i = 0; i < count; i++)
		open += is_open(&clients[i]);
	return open;
}

/* All of this machine: the one that has waited longest makes way, one that is answered does not. */
static void test_local(void **state)
{
	struct client clients[STOQ_VISITS_MAX + 2];
	struct stoq_visits visits = {NULL};
	unsigned int i;

	(void)state;
	for (i = 0; i < STOQ_VISITS_MAX; i++)
		clients[i] = arrive(&visits, i % 2 ? "127.0.0.1" : "::1", i);
	assert_int_equal(count_open(clients, STOQ_VISITS_MAX), STOQ_VISITS_MAX);
	stoq_visit_enter(clients[0].visit, STOQ_VISIT_ANSWERS, 100);
	stoq_visit_enter(clients[1].visit, STOQ_VISIT_ANSWERS, 100);
	stoq_visit_enter(clients[1].visit, STOQ_VISIT_IDLES, 200);
	clients[i] = arrive(&visits, "127.0.0.1", 300);
	assert_non_null(clients[i].visit);
	assert_true(is_open(&clients[0]) && is_open(&clients[1]) && !is_open(&clients[2]));
	for (unsigned int j = 0; j < STOQ_VISITS_MAX + 1; j++)
		if (j != 2)
			stoq_visit_enter(clients[j].visit, STOQ_VISIT_ANSWERS, 400);
	clients[i + 1] = arrive(&visits, "127.0.0.1", 500);
	assert_null(clients[i + 1].visit);
	assert_false(is_open(&clients[i + 1]));
	for (unsigned int j = 0; j < STOQ_VISITS_MAX + 2; j++)
		leave(&visits, &clients[j]);
	assert_null(visits.first);
}

/* One address, one network of IPv6, has a share, and takes nothing from others. */
static void test_origins(void **state)
{
	static const char *const from[][2] = {{"192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::2"}, {"::ffff:192.0.2.1", "192.0.2.1"}};

	(void)state;
	for (size_t n = 0; n < sizeof(from) / sizeof(from[0]); n++) {
		struct client clients[STOQ_VISITS_ORIGIN + 1], other;
		struct stoq_visits visits = {NULL};

		other = arrive(&visits, "198.51.100.1", 0);
		for (unsigned int i = 0; i < STOQ_VISITS_ORIGIN + 1; i++)
			clients[i] = arrive(&visits, from[n][i % 2], 1 + i);
		assert_int_equal(count_open(clients, STOQ_VISITS_ORIGIN + 1), STOQ_VISITS_ORIGIN);
		assert_false(is_open(&clients[0]));
		assert_true(is_open(&other));
		leave(&visits, &other);
		for (unsigned int i = 0; i < STOQ_VISITS_ORIGIN + 1; i++)
			leave(&visits, &clients[i]);
	}
}

static void test_late(void **state)
{
	struct stoq_visits visits = {NULL};
	struct client asks = arrive(&visits, "127.0.0.1", 0);
	struct client answered = arrive(&visits, "127.0.0.1", 0);
	struct client idle = arrive(&visits, "127.0.0.1", 0);

	(void)state;
	stoq_visit_enter(answered.visit, STOQ_VISIT_ANSWERS, SECOND);
	stoq_visit_enter(idle.visit, STOQ_VISIT_ANSWERS, 0);
	stoq_visit_enter(idle.visit, STOQ_VISIT_IDLES, 5 * SECOND);
	stoq_visits_end_late(&visits, 10 * SECOND);
	assert_true(is_open(&asks) && is_open(&answered) && is_open(&idle));
	stoq_visits_end_late(&visits, 10 * SECOND + 1);
	assert_true(!is_open(&asks) && is_open(&answered) && is_open(&idle));
	stoq_visits_end_late(&visits, 61 * SECOND);
	assert_true(is_open(&answered));
	stoq_visits_end_late(&visits, 61 * SECOND + 1);
	assert_true(!is_open(&answered) && is_open(&idle));
	stoq_visits_end_late(&visits, 125 * SECOND);
	assert_true(is_open(&idle));
	stoq_visits_end_late(&visits, 125 * SECOND + 1);
	assert_false(is_open(&idle));
	leave(&visits, &asks);
	leave(&visits, &answered);
	leave(&visits, &idle);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
