/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The outline of a policy file, or of another whose top has one list: libyaml's tree, which has the
 * line of every node. libcyaml, which loads the values, keeps no lines and reports no keys that are
 * there twice; so the outline is checked here first, against the schema that libcyaml is then
 * given.
 */
#include <cyaml/cyaml.h>
#include <stddef.h>
#include <yaml.h>

#include "base/error.h"

/* The words that errors use. */
struct guard_document_kind {
	const char *what; /* "a policy" */
	const char *list; /* the key of its list: "rules" */
	const char *item; /* one of them: "rule" */
};

struct guard_document {
	yaml_document_t yaml;
	const char *file;
	const struct guard_document_kind *kind;
};

/* Borrows file, which errors name, and kind. close() only after an open() that returned 0. */
int guard_document_open(struct guard_document *document, const struct guard_document_kind *kind,
	const char *file, const char *text, size_t size, struct stoq_error *error);
void guard_document_close(struct guard_document *document);

/* Keys that schema does not have, keys that are there twice or missing, values of another kind. */
int guard_document_check(struct guard_document *document, const cyaml_schema_value_t *schema,
	struct stoq_error *error);

/*
 * All values, once the outline was checked: libcyaml's, in *data, which guard_document_free()
 * frees. text is what open() had.
 */
int guard_document_load(struct guard_document *document, const cyaml_schema_value_t *schema,
	const char *text, size_t size, void **data, struct stoq_error *error);
void guard_document_free(const cyaml_schema_value_t *schema, void *data);

/*
 * Lines begin with 1. Of key at the top; of an item of the list (from 0), of its key, of the key's
 * own list's entry. What is not there: the line of what it would be in.
 */
unsigned int guard_document_line(struct guard_document *document, const char *key);
unsigned int guard_document_item_line(
	struct guard_document *document, size_t item, const char *key, size_t entry);
/* The same of another list at the top. */
unsigned int guard_document_entry_line(struct guard_document *document, const char *list_key,
	size_t item, const char *key, size_t entry);
