// SPDX-License-Identifier: BSD-2-Clause
#include "guard/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/nqn.h"

#define LISTS	       "host-lists"
#define NAME_MAX_BYTES 64

const char *guard_condition_parse(struct stoq_guard_condition *condition, const char *text)
{
	size_t length = strlen(text);

	if (!length)
		return "is no NQN; leave the field out to match all";
	*condition = (struct stoq_guard_condition){.text = text, .prefix = text[length - 1] == '*'};
	condition->length = length - condition->prefix;
	if (memchr(text, '*', condition->length))
		return "has a * that is not its last character; only a prefix can be matched: "
		       "write what the name begins with and one * behind it";
	return stoq_guard_nqn_flaw(text, condition->length, condition->prefix);
}

struct stoq_guard_list *guard_list_add(
	struct stoq_guard_policy *policy, const char *name, size_t count)
{
	struct stoq_guard_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->items = calloc(count + 1, sizeof(*list->items));
	if (!list->items) {
		free(list);
		return NULL;
	}
	list->name = name;
	list->next = policy->lists;
	policy->lists = list;
	return list;
}

void guard_lists_free(struct stoq_guard_policy *policy)
{
	while (policy->lists) {
		struct stoq_guard_list *list = policy->lists;

		policy->lists = list->next;
		free(list->items);
		free(list);
	}
}

const struct stoq_guard_list *guard_list_find(
	const struct stoq_guard_policy *policy, const char *name)
{
	for (const struct stoq_guard_list *list = policy->lists; list; list = list->next)
		if (list->name && strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

/* ---- a list with a name ---- */

static int refuse(struct guard_document *document, size_t index, const char *key, size_t item,
	const char *value, const char *reason, struct stoq_error *error)
{
	return stoq_error_set(error, -EINVAL, "%.200s:%u: list %zu, %s: '%.60s' %s", document->file,
		guard_document_entry_line(document, LISTS, index, key, item), index + 1, key, value,
		reason);
}

static const char *name_flaw(const struct stoq_guard_policy *policy, const char *name)
{
	size_t length = strlen(name);

	if (!length || length > NAME_MAX_BYTES)
		return "must have 1 to 64 characters";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
		length)
		return "has a character that the name of a list cannot have; use letters, digits, - and _";
	return guard_list_find(policy, name) ? "is the name of an earlier list; give each its own"
					     : NULL;
}

int guard_list_take(struct stoq_guard_policy *policy, size_t index,
	const struct guard_list_text *text, struct guard_document *document,
	struct stoq_error *error)
{
	const char *flaw = name_flaw(policy, text->name);
	struct stoq_guard_list *list;

	if (flaw)
		return refuse(document, index, "name", 0, text->name, flaw, error);
	list = guard_list_add(policy, text->name, text->host_count);
	if (!list)
		return stoq_error_set(
			error, -ENOMEM, "%s: not enough memory for its lists", document->file);
	for (; list->count < text->host_count; list->count++) {
		const char *host = text->hosts[list->count];

		flaw = guard_condition_parse(&list->items[list->count], host);
		if (flaw)
			return refuse(document, index, "hosts", list->count, host, flaw, error);
	}
	return 0;
}
