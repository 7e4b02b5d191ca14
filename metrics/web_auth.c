// SPDX-License-Identifier: BSD-2-Clause
#include "metrics/web_auth.h"

#include <crypt.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES 32
#define MAC_BYTES 32

/* A hash of this cost takes some 60 ms. */
#define COST_USUAL 10

/* The last password that was right. */
struct remembered {
	bool known;
	uint8_t mac[MAC_BYTES];
};

struct stoq_web_auth {
	const struct stoq_web_config *config;
	uint8_t key[KEY_BYTES];
	unsigned int cost; /* the highest of the users' */
	struct stoq_bucket_rate of_address, of_all;
	struct crypt_data work;
	struct remembered of[]; /* for each user */
};

static unsigned int cost_of(const struct stoq_web_user *user)
{
	return (unsigned int)(user->hash[4] - '0') * 10 + (unsigned int)(user->hash[5] - '0');
}

/* Each step of the cost doubles the time: the endpoint has a thread, and others wait for it. */
static void set_rates(struct stoq_web_auth *auth)
{
	unsigned int shift = auth->cost > COST_USUAL ? auth->cost - COST_USUAL : 0;
	struct stoq_bucket_rate all = {100000000ull << shift, 10 >> shift};

	all.burst += !all.burst;
	auth->of_all = all;
	auth->of_address = (struct stoq_bucket_rate){
		all.interval_ns > 1000000000 ? all.interval_ns : 1000000000,
		all.burst < 5 ? all.burst : 5};
}

struct stoq_web_auth *stoq_web_auth_new(const struct stoq_web_config *config)
{
	struct stoq_web_auth *auth =
		calloc(1, sizeof(*auth) + config->user_count * sizeof(auth->of[0]));

	if (!auth)
		return NULL;
	auth->config = config;
	for (size_t i = 0; i < config->user_count; i++)
		if (cost_of(&config->users[i]) > auth->cost)
			auth->cost = cost_of(&config->users[i]);
	set_rates(auth);
	if (gnutls_rnd(GNUTLS_RND_KEY, auth->key, sizeof(auth->key)) == 0)
		return auth;
	free(auth);
	return NULL;
}

void stoq_web_auth_free(struct stoq_web_auth *auth)
{
	if (!auth)
		return;
	gnutls_memset(auth, 0, sizeof(*auth));
	free(auth);
}

static bool mac_of(
	const struct stoq_web_auth *auth, const char *password, uint8_t mac[static MAC_BYTES])
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key), password,
		       strlen(password), mac) == 0;
}

/* FNV-1a, of an IPv6 address the first 64 bits: a host may use all addresses of its network. */
static unsigned int place_of(const struct sockaddr *from)
{
	const uint8_t *bytes;
	size_t count = 0;
	uint32_t hash = 2166136261u;

	if (from->sa_family == AF_INET6) {
		bytes = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr.s6_addr;
		count = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes) ? 16 : 8;
	} else {
		bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)from)
				->sin_addr;
		count = from->sa_family == AF_INET ? 4 : 0;
	}
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return (hash ^ hash >> 16) % STOQ_WEB_GUESSERS;
}

static bool may_guess(const struct stoq_web_auth *auth, struct stoq_web_guesses *guesses,
	const struct sockaddr *from, uint64_t now_ns)
{
	return stoq_bucket_take(&guesses->by_address[place_of(from)], &auth->of_address, now_ns) &&
	       stoq_bucket_take(&guesses->all, &auth->of_all, now_ns);
}

/* With the cost of bcrypt. */
static bool is_password(struct stoq_web_auth *auth, const char *password, const char *hash)
{
	const char *computed = crypt_r(password, hash, &auth->work);
	bool equal = computed && strlen(computed) == STOQ_WEB_HASH &&
		     gnutls_memcmp(computed, hash, STOQ_WEB_HASH) == 0;

	gnutls_memset(&auth->work, 0, sizeof(auth->work));
	return equal;
}

/* Takes the time of a hash of this cost. */
static void spend(struct stoq_web_auth *auth, const char *password, unsigned int cost)
{
	char decoy[STOQ_WEB_HASH + 1];

	snprintf(decoy, sizeof(decoy), "$2y$%02u$%053d", cost % 100, 0);
	(void)is_password(auth, password, decoy);
}

/*
 * Whether the password is the user's; user NULL: there is no such user. A wrong password takes the time of the highest cost, whatever
 * the user's own is, and whether there is a user: 2^n rounds and as many again are 2^(n + 1).
 */
static bool is_right(
	struct stoq_web_auth *auth, const struct stoq_web_user *user, const char *password)
{
	if (!user) {
		spend(auth, password, auth->cost);
		return false;
	}
	if (is_password(auth, password, user->hash))
		return true;
	for (unsigned int cost = cost_of(user); cost < auth->cost; cost++)
		spend(auth, password, cost);
	return false;
}

static const struct stoq_web_user *find_user(const struct stoq_web_auth *auth, const char *name)
{
	for (size_t i = 0; i < auth->config->user_count; i++)
		if (strcmp(auth->config->users[i].name, name) == 0)
			return &auth->config->users[i];
	return NULL;
}

void stoq_web_auth_adopt(struct stoq_web_auth *auth, const struct stoq_web_auth *before)
{
	memcpy(auth->key, before->key, sizeof(auth->key));
	for (size_t i = 0; i < auth->config->user_count; i++) {
		const struct stoq_web_user *now = &auth->config->users[i];
		const struct stoq_web_user *then = find_user(before, now->name);

		if (then && strcmp(then->hash, now->hash) == 0)
			auth->of[i] = before->of[then - before->config->users];
	}
}

enum stoq_web_verdict stoq_web_auth_check(struct stoq_web_auth *auth,
	struct stoq_web_guesses *guesses, const struct stoq_web_login *login, uint64_t now_ns)
{
	const struct stoq_web_user *user = login->user ? find_user(auth, login->user) : NULL;
	struct remembered *remembered = user ? &auth->of[user - auth->config->users] : NULL;
	uint8_t mac[MAC_BYTES];

	if (!login->user || !login->password || !mac_of(auth, login->password, mac))
		return STOQ_WEB_WRONG;
	if (remembered && remembered->known &&
		gnutls_memcmp(mac, remembered->mac, sizeof(mac)) == 0)
		return STOQ_WEB_RIGHT;
	if (!may_guess(auth, guesses, login->from, now_ns))
		return STOQ_WEB_TOO_MANY;
	if (!is_right(auth, user, login->password) || !remembered)
		return STOQ_WEB_WRONG;
	remembered->known = true;
	memcpy(remembered->mac, mac, sizeof(mac));
	return STOQ_WEB_RIGHT;
}
