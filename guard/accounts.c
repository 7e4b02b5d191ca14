// SPDX-License-Identifier: BSD-2-Clause
#include "guard/accounts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/map_dump.h"
#include "guard/nqn.h"
#include "nvme/nvme.h"

/* A map of the guard's folder, all of it. 0 or a negative errno. */
static int dump(struct stoq_map_dump *entries, const struct stoq_guard_pins *pins, const char *item,
	size_t key_bytes, size_t value_bytes, size_t most)
{
	int fd = stoq_guard_pins_open(pins, item, false, NULL), result;

	if (fd < 0)
		return fd;
	result = stoq_map_dump_init(entries, key_bytes, value_bytes, most);
	if (!result)
		result = stoq_map_dump_read(entries, fd);
	if (result)
		stoq_map_dump_free(entries);
	close(fd);
	return result;
}

/* Where each number's name stands among the hosts; 0: nowhere, else the place and one. */
static uint32_t *places_of(const struct stoq_map_dump *hosts, uint32_t *most)
{
	uint32_t *places;

	*most = 0;
	for (size_t i = 0; i < hosts->count; i++) {
		uint32_t number = *(const uint32_t *)stoq_map_dump_value(hosts, i);

		*most = number > *most ? number : *most;
	}
	/* Numbers are taken in turn; some are lost where two CPUs meet. */
	if (*most > 16 * STOQ_LIMIT_HOSTS_MAX)
		*most = 16 * STOQ_LIMIT_HOSTS_MAX;
	places = calloc((size_t)*most + 1, sizeof(*places));
	for (size_t i = 0; places && i < hosts->count; i++) {
		uint32_t number = *(const uint32_t *)stoq_map_dump_value(hosts, i);

		if (number <= *most)
			places[number] = (uint32_t)i + 1;
	}
	return places;
}

static int compare(const void *a, const void *b)
{
	const struct stoq_guard_account *x = a, *y = b;

	if (x->bucket.commands != y->bucket.commands)
		return x->bucket.commands < y->bucket.commands ? 1 : -1;
	return strcmp(x->host, y->host);
}

void stoq_guard_accounts_sort(struct stoq_guard_accounts *accounts)
{
	qsort(accounts->items, accounts->count, sizeof(*accounts->items), compare);
}

static int fill(struct stoq_guard_accounts *accounts, const struct stoq_map_dump *buckets,
	const struct stoq_map_dump *hosts)
{
	uint32_t most, *places = places_of(hosts, &most);

	accounts->items = calloc(buckets->count + 1, sizeof(*accounts->items));
	if (!places || !accounts->items) {
		free(places);
		return -ENOMEM;
	}
	for (size_t i = 0; i < buckets->count; i++) {
		const struct stoq_limit_bucket_key *key = stoq_map_dump_key(buckets, i);
		const struct stoq_limit_bucket *bucket = stoq_map_dump_value(buckets, i);
		struct stoq_guard_account *account = &accounts->items[accounts->count];
		bool named = key->host <= most && places[key->host];

		if (!bucket->commands)
			continue; /* one that is kept ready for hosts without room */
		accounts->count++;
		account->bucket = *bucket;
		account->limit = key->limit;
		account->kind = key->host == STOQ_LIMIT_HOST_GROUP ? STOQ_GUARD_ACCOUNT_GROUP
				: named				   ? STOQ_GUARD_ACCOUNT_HOST
								   : STOQ_GUARD_ACCOUNT_OTHERS;
		if (named)
			stoq_guard_nqn_text(((const struct stoq_limit_nqn *)stoq_map_dump_key(
						     hosts, places[key->host] - 1))
						    ->words,
				account->host);
	}
	stoq_guard_accounts_sort(accounts);
	free(places);
	return 0;
}

static int read_totals(struct stoq_guard_accounts *accounts, const struct stoq_guard_pins *pins)
{
	int fd = stoq_guard_pins_open(pins, "limit-stoq_limit_totals", false, NULL), result;
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	result = bpf_map_lookup_elem(fd, &zero, &accounts->totals);
	close(fd);
	return result;
}

int stoq_guard_accounts_read(
	struct stoq_guard_accounts *accounts, const struct stoq_guard_pins *pins)
{
	struct stoq_map_dump buckets, hosts;
	int result;

	*accounts = (struct stoq_guard_accounts){0};
	result = read_totals(accounts, pins);
	if (result)
		return result;
	result = dump(&hosts, pins, "limit-stoq_limit_hosts", sizeof(struct stoq_limit_nqn),
		sizeof(uint32_t), STOQ_LIMIT_HOSTS_MAX);
	if (result)
		return result;
	result = dump(&buckets, pins, "limit-stoq_limit_buckets",
		sizeof(struct stoq_limit_bucket_key), sizeof(struct stoq_limit_bucket),
		STOQ_LIMIT_BUCKETS_MAX);
	if (!result) {
		result = fill(accounts, &buckets, &hosts);
		stoq_map_dump_free(&buckets);
	}
	stoq_map_dump_free(&hosts);
	if (result)
		stoq_guard_accounts_free(accounts);
	return result;
}

void stoq_guard_accounts_free(struct stoq_guard_accounts *accounts)
{
	free(accounts->items);
	*accounts = (struct stoq_guard_accounts){0};
}
