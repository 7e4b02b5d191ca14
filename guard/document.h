/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A YAML file whose top is a mapping of texts, lists of texts and lists of mappings of those: a policy, a file of cases.
 * libyaml's tree has the place of every value; a table of fields, the schema, has where in a struct it belongs.
 * What is not as the schema wants it is a mistake, and the rest is loaded all the same, so that one reading finds all.
 */
#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "guard/mistakes.h"

/* The words that mistakes use. */
struct guard_document_kind {
	const char *what; /* "a policy" */
	const char *list; /* the key of its list: "rules" */
	const char *item; /* one of them: "rule" */
};

/* ---- the schema ---- */

enum guard_field_shape {
	GUARD_FIELD_IS_TEXT, /* char * */
	GUARD_FIELD_IS_TEXTS, /* char **, and an unsigned int that counts them; NULL among them: a mistake */
	GUARD_FIELD_IS_ITEMS, /* an array of structs, and an unsigned int that counts them */
};

struct guard_field {
	const char *key; /* NULL: the table's end */
	enum guard_field_shape shape;
	bool required;
	size_t offset, count_offset;	  /* in the struct */
	unsigned int least, most;	  /* entries of a list */
	size_t item_bytes;		  /* of ITEMS, and ... */
	const struct guard_field *fields; /* ... their own fields */
};

#define GUARD_REQUIRED true
#define GUARD_OPTIONAL false

#define GUARD_TEXT(name, is_required, type, member)                                                \
	{                                                                                          \
		.key = (name), .shape = GUARD_FIELD_IS_TEXT, .required = (is_required),            \
		.offset = offsetof(struct type, member)                                            \
	}
#define GUARD_TEXTS(name, type, member, count, maximum)                                            \
	{                                                                                          \
		.key = (name), .shape = GUARD_FIELD_IS_TEXTS,                                      \
		.offset = offsetof(struct type, member),                                           \
		.count_offset = offsetof(struct type, count), .least = 1, .most = (maximum)        \
	}
#define GUARD_ITEMS(name, is_required, type, member, count, item_fields, minimum, maximum)         \
	{                                                                                          \
		.key = (name), .shape = GUARD_FIELD_IS_ITEMS, .required = (is_required),           \
		.offset = offsetof(struct type, member),                                           \
		.count_offset = offsetof(struct type, count), .least = (minimum),                  \
		.most = (maximum), .item_bytes = sizeof(*((struct type *)0)->member),              \
		.fields = (item_fields)                                                            \
	}
#define GUARD_FIELDS_END                                                                           \
	{                                                                                          \
		.key = NULL                                                                        \
	}

/* ---- documents ---- */

struct guard_document {
	yaml_document_t yaml;
	bool open;
	const char *file;
	size_t order; /* of the file, among those that are read: mistakes are sorted by it */
	const struct guard_document_kind *kind;
	struct stoq_guard_mistakes *mistakes;
};

/*
 * Parses text, which is not needed afterwards. The caller has set file, which is borrowed, order, kind and mistakes.
 * False: there is nothing to load, and there are mistakes. close() in either case.
 */
bool guard_document_open(struct guard_document *document, const char *text, size_t size);
void guard_document_close(struct guard_document *document);

/*
 * Loads all values into a zeroed struct, as long as the document is open: texts belong to it. What is not there, or a
 * mistake, is NULL. guard_document_free() frees the arrays.
 */
void guard_document_load(
	struct guard_document *document, const struct guard_field *fields, void *values);
void guard_document_free(const struct guard_field *fields, void *values);

/* ---- places ---- */

/*
 * Of key at the top; of an item (from 0) of the list at the top, of the item's key, of an entry of the key's own list. What is
 * not there: the place of what it would be in.
 */
struct stoq_guard_place guard_document_place(struct guard_document *document, const char *key);
struct stoq_guard_place guard_document_list_place(
	struct guard_document *document, const char *list, size_t entry);
struct stoq_guard_place guard_document_entry_place(struct guard_document *document,
	const char *list, size_t item, const char *key, size_t entry);

/* ---- mistakes ---- */

/* A value that is not possible: "KEY: 'VALUE' REASON"; before: what stands in front, "" or "rule 3, ". */
void guard_document_refuse(struct guard_document *document, struct stoq_guard_place place,
	const char *before, const char *key, const char *value, const char *reason);
