// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/rates.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "bpf/limit/account.h"
#include "guard/accounts_report.h"
#include "guard/limit.h"
#include "tunnel/policy_private.h"

struct account_key {
	uint64_t limit; /* stoq_guard_limit_id() */
	uint64_t kind;	/* enum stoq_guard_account_kind */
	char host[NVME_NQN_LENGTH];
};

struct stoq_rates_account {
	struct account_key key;
	struct stoq_limit_bucket bucket; /* atomic */
	unsigned int users;		 /* queues; with the lock */
	UT_hash_handle hh;
};

struct stoq_rates {
	pthread_mutex_t lock; /* of the table; not of what accounts count */
	struct stoq_rates_account *accounts;
	size_t accounts_max;
};

struct stoq_rates *stoq_rates_new(size_t accounts_max)
{
	struct stoq_rates *rates = calloc(1, sizeof(*rates));

	if (!rates)
		return NULL;
	rates->accounts_max = accounts_max;
	pthread_mutex_init(&rates->lock, NULL);
	return rates;
}

/* clang's analyzer does not see that HASH_DEL takes an entry out of uthash's list. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
static void delete_account(struct stoq_rates *rates, struct stoq_rates_account *account)
{
	HASH_DEL(rates->accounts, account);
	free(account);
}
// NOLINTEND(clang-analyzer-unix.Malloc)

void stoq_rates_free(struct stoq_rates *rates)
{
	struct stoq_rates_account *account, *next;

	if (!rates)
		return;
	account = rates->accounts;
	HASH_CLEAR(hh, rates->accounts);
	for (; account; account = next) {
		next = account->hh.next;
		free(account);
	}
	pthread_mutex_destroy(&rates->lock);
	free(rates);
}

bool stoq_rates_wanted(const struct stoq_tunnel_policy *policy)
{
	return policy && policy->source.limits;
}

/* ---- accounts; with the lock ---- */

static struct stoq_rates_account *find(struct stoq_rates *rates, const struct account_key *key)
{
	struct stoq_rates_account *account;

	HASH_FIND(hh, rates->accounts, key, sizeof(*key), account);
	return account;
}

static struct stoq_rates_account *add(struct stoq_rates *rates, const struct account_key *key)
{
	struct stoq_rates_account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	account->key = *key;
	HASH_ADD(hh, rates->accounts, key, sizeof(account->key), account);
	return account;
}

/* The accounts that hosts without room share are beyond the bound: one for each limit. */
static struct stoq_rates_account *find_or_add(
	struct stoq_rates *rates, const struct account_key *key)
{
	struct account_key others = {.limit = key->limit, .kind = STOQ_GUARD_ACCOUNT_OTHERS};
	struct stoq_rates_account *account = find(rates, key);

	if (!account && HASH_COUNT(rates->accounts) < rates->accounts_max)
		account = add(rates, key);
	if (!account)
		account = find(rates, &others);
	return account ? account : add(rates, &others);
}

static struct account_key key_of(const struct stoq_limit_entry *limit, const char *host_nqn)
{
	struct account_key key = {.limit = limit->id};

	key.kind = limit->group	 ? STOQ_GUARD_ACCOUNT_GROUP
		   : host_nqn[0] ? STOQ_GUARD_ACCOUNT_HOST
				 : STOQ_GUARD_ACCOUNT_OTHERS;
	if (key.kind == STOQ_GUARD_ACCOUNT_HOST)
		strncpy(key.host, host_nqn, sizeof(key.host) - 1);
	return key;
}

/* NULL: no memory. */
static struct stoq_rates_account *account_of(struct stoq_rates *rates,
	struct stoq_rates_queue *queue, const struct stoq_limit_installed *installed,
	unsigned int index, const char *host_nqn)
{
	const struct account_key key = key_of(&installed->limits[index], host_nqn);

	if (queue->accounts[index])
		return queue->accounts[index];
	pthread_mutex_lock(&rates->lock);
	queue->accounts[index] = find_or_add(rates, &key);
	if (queue->accounts[index])
		queue->accounts[index]->users++;
	pthread_mutex_unlock(&rates->lock);
	return queue->accounts[index];
}

void stoq_rates_leave(struct stoq_rates *rates, struct stoq_rates_queue *queue)
{
	if (!rates || !queue->serial)
		return;
	pthread_mutex_lock(&rates->lock);
	for (unsigned int i = 0; i < STOQ_LIMITS_MAX; i++)
		if (queue->accounts[i])
			queue->accounts[i]->users--;
	pthread_mutex_unlock(&rates->lock);
	*queue = (struct stoq_rates_queue){0};
}

static bool has_limit(const struct stoq_tunnel_policy *policy, uint64_t id)
{
	for (uint32_t i = 0; stoq_rates_wanted(policy) && i < policy->source.limits->count; i++)
		if (policy->source.limits->limits[i].id == id)
			return true;
	return false;
}

void stoq_rates_forget(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy)
{
	struct stoq_rates_account *account, *next;

	pthread_mutex_lock(&rates->lock);
	HASH_ITER(hh, rates->accounts, account, next)
	if (!account->users && !has_limit(policy, account->key.limit))
		delete_account(rates, account);
	pthread_mutex_unlock(&rates->lock);
}

/* ---- a command ---- */

/* Which limits hold for the queue: by the names of its host and subsystem. */
static void look_up(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct stoq_rates_queue *queue, const struct stoq_policy_subject *subject)
{
	const struct stoq_limit_installed *installed = policy->source.limits;
	const char *host = subject->host_nqn, *subsystem = subject->subsystem_nqn;

	if (queue->serial == policy->serial)
		return;
	stoq_rates_leave(rates, queue);
	queue->serial = policy->serial;
	queue->limits = stoq_limit_matching(installed,
		stoq_guard_class_of(&installed->match.hosts, host[0] ? host : NULL),
		stoq_guard_class_of(&installed->match.subsystems, subsystem[0] ? subsystem : NULL));
}

uint64_t stoq_rates_charge(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	struct stoq_rates_queue *queue, const struct stoq_policy_subject *subject,
	const struct nvme_sqe *sqe, uint64_t arrived_ns, uint64_t now_ns)
{
	const struct stoq_limit_installed *installed = policy->source.limits;
	const struct stoq_limit_charge charge = {.now_ns = now_ns,
		.latest_ns = arrived_ns + STOQ_RATES_WAIT_MAX_NS,
		.bytes = stoq_limit_bytes(sqe),
		.audit = policy->source.policy.mode == STOQ_GUARD_MODE_AUDIT};
	uint64_t limits, due_ns = 0;

	look_up(rates, policy, queue, subject);
	limits = stoq_limit_for(installed, queue->limits, sqe->opcode, nvme_le32(sqe->nsid));
	for (unsigned int i = 0; i < STOQ_LIMITS_MAX && limits >> i; i++) {
		struct stoq_rates_account *account = NULL;
		uint64_t due;

		if (limits >> i & 1)
			account = account_of(rates, queue, installed, i, subject->host_nqn);
		if (!account)
			continue;
		due = stoq_limit_bucket_charge(
			&account->bucket, &installed->limits[i], policy->serial, &charge);
		if (due > due_ns)
			due_ns = due;
	}
	return charge.audit ? 0 : due_ns;
}

/* ---- what was counted ---- */

static int read_accounts(struct stoq_rates *rates, struct stoq_guard_accounts *accounts)
{
	struct stoq_rates_account *account, *next;

	*accounts = (struct stoq_guard_accounts){0};
	pthread_mutex_lock(&rates->lock);
	accounts->items = calloc(HASH_COUNT(rates->accounts) + 1, sizeof(*accounts->items));
	if (accounts->items)
		HASH_ITER(hh, rates->accounts, account, next)
		{
			struct stoq_guard_account *item = &accounts->items[accounts->count++];

			item->limit = account->key.limit;
			item->kind = (enum stoq_guard_account_kind)account->key.kind;
			memcpy(item->host, account->key.host, sizeof(item->host));
			item->bucket = account->bucket;
		}
	pthread_mutex_unlock(&rates->lock);
	if (!accounts->items)
		return -ENOMEM;
	stoq_guard_accounts_sort(accounts);
	return 0;
}

struct json_object *stoq_rates_json(
	struct stoq_rates *rates, const struct stoq_tunnel_policy *policy)
{
	struct stoq_guard_accounts accounts;
	struct json_object *list;

	if (!stoq_rates_wanted(policy) || read_accounts(rates, &accounts))
		return json_object_new_array();
	list = stoq_guard_accounts_json(&policy->source.policy, &accounts);
	stoq_guard_accounts_free(&accounts);
	return list;
}

void stoq_rates_metrics(struct stoq_rates *rates, const struct stoq_tunnel_policy *policy,
	const struct stoq_openmetrics *text)
{
	struct stoq_guard_accounts accounts;

	if (!stoq_rates_wanted(policy) || read_accounts(rates, &accounts))
		return;
	stoq_guard_accounts_metrics(text, "tunnel", NULL, &policy->source.policy, &accounts);
	stoq_guard_accounts_free(&accounts);
}
