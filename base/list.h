/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Circular doubly-linked lists whose links stand in what they link. */
#include <stdbool.h>
#include <stddef.h>

struct stoq_list {
	struct stoq_list *next, *prev;
};

/* The struct of a type that has this link as member. */
#define STOQ_LIST_ENTRY(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* A head, or a link that stands in no list. */
static inline void stoq_list_init(struct stoq_list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool stoq_list_empty(const struct stoq_list *list)
{
	return list->next == list;
}

static inline void stoq_list_append(struct stoq_list *head, struct stoq_list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Fine for a link that stands in no list. */
static inline void stoq_list_remove(struct stoq_list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	stoq_list_init(link);
}

/* Takes the first out of a list that has one. */
static inline struct stoq_list *stoq_list_take_first(struct stoq_list *head)
{
	struct stoq_list *first = head->next;

	head->next = first->next;
	head->next->prev = head;
	stoq_list_init(first);
	return first;
}

/* Makes it the last, wherever it stood. */
static inline void stoq_list_move_last(struct stoq_list *head, struct stoq_list *link)
{
	stoq_list_remove(link);
	stoq_list_append(head, link);
}

/* All links move behind another head, which holds nothing yet; the old one is empty then. */
static inline void stoq_list_take_all(struct stoq_list *to, struct stoq_list *from)
{
	stoq_list_init(to);
	if (stoq_list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	stoq_list_init(from);
}
