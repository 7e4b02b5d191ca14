// SPDX-License-Identifier: BSD-2-Clause
#include "transport/early_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "transport/endpoint.h"

#define WINDOW_MS 10000
#define SEEN_MAX  65536
#define KEY_BYTES 64 /* GnuTLS gives a hash */
#define PROBES	  16 /* slots a key may stand in */

struct stoq_seen {
	time_t expires;
	uint8_t key[KEY_BYTES];
	unsigned int size;
};

static size_t hash(const gnutls_datum_t *key)
{
	size_t value = 0;

	/* The key is a hash already. */
	memcpy(&value, key->data, key->size < sizeof(value) ? key->size : sizeof(value));
	return value;
}

static bool same(const struct stoq_seen *seen, const gnutls_datum_t *key)
{
	return seen->size == key->size && memcmp(seen->key, key->data, key->size) == 0;
}

/* The slot for a key; NULL: it was seen, or there is no room. */
static struct stoq_seen *slot_for(
	struct stoq_transport *transport, const gnutls_datum_t *key, time_t now)
{
	struct stoq_seen *found = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		struct stoq_seen *seen = &transport->seen[(hash(key) + i) % SEEN_MAX];

		if (seen->expires >= now && same(seen, key))
			return NULL;
		if (!found && seen->expires < now)
			found = seen;
	}
	return found;
}

static int remember(
	void *user, time_t expires, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	struct stoq_transport *transport = user;
	struct stoq_seen *seen;

	if (key->size > KEY_BYTES)
		return GNUTLS_E_DB_ERROR;
	pthread_mutex_lock(&transport->lock);
	seen = slot_for(transport, key, time(NULL));
	if (seen) {
		seen->expires = expires;
		seen->size = key->size;
		memcpy(seen->key, key->data, key->size);
	}
	pthread_mutex_unlock(&transport->lock);
	return seen ? 0 : GNUTLS_E_DB_ENTRY_EXISTS;
}

int stoq_early_data_init(struct stoq_transport *transport, struct stoq_error *error)
{
	transport->seen = calloc(SEEN_MAX, sizeof(transport->seen[0]));
	if (!transport->seen || gnutls_anti_replay_init(&transport->anti_replay) < 0)
		return stoq_error_set(error, -ENOMEM, "no memory to detect replayed early data");
	gnutls_anti_replay_set_window(transport->anti_replay, WINDOW_MS);
	gnutls_anti_replay_set_add_function(transport->anti_replay, remember);
	gnutls_anti_replay_set_ptr(transport->anti_replay, transport);
	return 0;
}

void stoq_early_data_destroy(struct stoq_transport *transport)
{
	if (transport->anti_replay)
		gnutls_anti_replay_deinit(transport->anti_replay);
	free(transport->seen);
}
