// SPDX-License-Identifier: BSD-2-Clause
#include "guard/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/nqn.h"
#include "guard/policy_files.h"

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

static void refuse(struct guard_document *document, size_t index, const char *key, size_t item,
	const char *value, const char *reason)
{
	char before[32];

	snprintf(before, sizeof(before), "list %zu, ", index + 1);
	guard_document_refuse(document,
		guard_document_entry_place(document, GUARD_LISTS, index, key, item), before, key,
		value, reason);
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

static void take_hosts(struct stoq_guard_list *list, const struct guard_list_text *text,
	struct guard_document *document, size_t index)
{
	for (unsigned int i = 0; i < text->host_count; i++) {
		struct stoq_guard_condition *item = &list->items[list->count];
		const char *host = text->hosts[i];
		const char *flaw = host ? guard_condition_parse(item, host) : NULL;

		if (flaw)
			refuse(document, index, "hosts", i, host, flaw);
		else
			list->count += host != NULL;
	}
}

void guard_list_take(struct stoq_guard_policy *policy, struct guard_policy_file *file, size_t item)
{
	const struct guard_list_text *text = &file->text.lists[item];
	const char *flaw = text->name ? name_flaw(policy, text->name) : NULL;
	struct stoq_guard_list *list;

	if (flaw)
		refuse(&file->document, item, "name", 0, text->name, flaw);
	list = guard_list_add(policy, text->name, text->host_count);
	if (list)
		take_hosts(list, text, &file->document, item);
	else
		file->document.mistakes->no_memory = true;
}
