// SPDX-License-Identifier: BSD-2-Clause
/* Passwords: what is right, what a guess may take, and that a scraper is not kept waiting by guesses. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/web_auth.h"

#define SECOND 1000000000ull

/* libxcrypt's hashes of "one" and "two" with a cost of 4. */
static struct stoq_web_user users[] = {
	{(char *)"alice", "$2y$04$abcdefghijklmnopqrstuuuiMd1XkP3MYkehzxpPHB6m5Tr0FZSYG"},
	{(char *)"bob", "$2b$04$abcdefghijklmnopqrstuuIHDRnKw4Zdb/3/EAZQMg/2vwJPJBL7u"},
};
static struct stoq_web_config config = {.users = users, .user_count = 2};

static enum stoq_web_verdict ask(struct stoq_web_auth *auth, struct stoq_web_guesses *guesses,
	const char *user, const char *password, const char *from, uint64_t now_ns)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const struct stoq_web_login login = {user, password, (struct sockaddr *)&address};

	assert_int_equal(inet_pton(AF_INET, from, &address.sin_addr), 1);
	return stoq_web_auth_check(auth, guesses, &login, now_ns);
}

static void test_passwords(void **state)
{
	static struct stoq_web_guesses guesses;
	struct stoq_web_auth *auth = stoq_web_auth_new(&config);
	uint64_t now = SECOND;
	char long_one[600];

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	assert_int_equal(ask(auth, &guesses, "alice", "one", "192.0.2.1", now), STOQ_WEB_RIGHT);
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.1", now), STOQ_WEB_RIGHT);
	assert_int_equal(ask(auth, &guesses, "alice", "two", "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "bob", "one", "192.0.2.1", now), STOQ_WEB_WRONG);
	now += 60 * SECOND;
	assert_int_equal(ask(auth, &guesses, "carol", "one", "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "alice", "", "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "alice", long_one, "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, NULL, NULL, "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "alice", NULL, "192.0.2.1", now), STOQ_WEB_WRONG);
	stoq_web_auth_free(auth);
}

static void test_guesses(void **state)
{
	static struct stoq_web_guesses guesses;
	struct stoq_web_auth *auth = stoq_web_auth_new(&config);
	uint64_t now = SECOND;
	char from[32];

	(void)state;
	assert_int_equal(ask(auth, &guesses, "alice", "one", "192.0.2.9", now), STOQ_WEB_RIGHT);
	now += 60 * SECOND;
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			ask(auth, &guesses, "alice", "no", "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "alice", "no", "192.0.2.1", now), STOQ_WEB_TOO_MANY);
	/* Not even the right one, if it is not known: it could be a guess. */
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.1", now), STOQ_WEB_TOO_MANY);
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.2", now), STOQ_WEB_RIGHT);
	/* One that is known takes no token, from wherever it comes. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			ask(auth, &guesses, "alice", "one", "192.0.2.1", now), STOQ_WEB_RIGHT);
	now += SECOND;
	assert_int_equal(ask(auth, &guesses, "alice", "no", "192.0.2.1", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "alice", "no", "192.0.2.1", now), STOQ_WEB_TOO_MANY);
	/* All addresses together. */
	now += 60 * SECOND;
	for (int i = 0; i < 100; i++) {
		enum stoq_web_verdict verdict;

		snprintf(from, sizeof(from), "198.51.100.%d", i);
		verdict = ask(auth, &guesses, "alice", "no", from, now);
		assert_int_equal(verdict, i < 10 ? STOQ_WEB_WRONG : STOQ_WEB_TOO_MANY);
	}
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.3", now), STOQ_WEB_RIGHT);
	stoq_web_auth_free(auth);
}

/* A hash that takes longer may be computed less often: guesses take no more of the time. */
static void test_costs(void **state)
{
	static struct stoq_web_user dear[] = {
		{(char *)"alice", "$2y$12$abcdefghijklmnopqrstuuuiMd1XkP3MYkehzxpPHB6m5Tr0FZSYG"},
		{(char *)"bob", "$2b$04$abcdefghijklmnopqrstuuIHDRnKw4Zdb/3/EAZQMg/2vwJPJBL7u"}};
	static struct stoq_web_config costly = {.users = dear, .user_count = 2};
	static struct stoq_web_guesses guesses;
	struct stoq_web_auth *auth = stoq_web_auth_new(&costly);
	uint64_t now = 60 * SECOND;

	(void)state;
	/* Two at once, and one in 400 ms, of all addresses. */
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.1", now), STOQ_WEB_RIGHT);
	assert_int_equal(ask(auth, &guesses, "carol", "x", "192.0.2.2", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "carol", "x", "192.0.2.3", now), STOQ_WEB_TOO_MANY);
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.3", now), STOQ_WEB_RIGHT);
	now += 400000000;
	assert_int_equal(ask(auth, &guesses, "bob", "one", "192.0.2.4", now), STOQ_WEB_WRONG);
	assert_int_equal(ask(auth, &guesses, "bob", "one", "192.0.2.5", now), STOQ_WEB_TOO_MANY);
	stoq_web_auth_free(auth);
}

/* Files that are read again: who was right is still known, whose hash is another one is not. */
static void test_adopted(void **state)
{
	static struct stoq_web_user changed[] = {
		{(char *)"bob", "$2b$04$abcdefghijklmnopqrstuuIHDRnKw4Zdb/3/EAZQMg/2vwJPJBL7u"},
		{(char *)"alice", "$2y$04$abcdefghijklmnopqrstuuIHDRnKw4Zdb/3/EAZQMg/2vwJPJBL7u"}};
	static struct stoq_web_config later = {.users = changed, .user_count = 2};
	static struct stoq_web_guesses guesses;
	struct stoq_web_auth *before = stoq_web_auth_new(&config),
			     *auth = stoq_web_auth_new(&later);
	uint64_t now = SECOND;

	(void)state;
	assert_int_equal(ask(before, &guesses, "alice", "one", "192.0.2.1", now), STOQ_WEB_RIGHT);
	assert_int_equal(ask(before, &guesses, "bob", "two", "192.0.2.1", now), STOQ_WEB_RIGHT);
	while (ask(before, &guesses, "x", "x", "192.0.2.1", now) != STOQ_WEB_TOO_MANY)
		;
	stoq_web_auth_adopt(auth, before);
	stoq_web_auth_free(before);
	assert_int_equal(ask(auth, &guesses, "bob", "two", "192.0.2.1", now), STOQ_WEB_RIGHT);
	assert_int_equal(ask(auth, &guesses, "bob", "one", "192.0.2.1", now), STOQ_WEB_TOO_MANY);
	now += 60 * SECOND;
	assert_int_equal(ask(auth, &guesses, "alice", "one", "192.0.2.1", now), STOQ_WEB_WRONG);
	stoq_web_auth_free(auth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_guesses),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
