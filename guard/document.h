/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The outline of a policy file: libyaml's tree, which has the line of every node. libcyaml, which
 * loads the values, keeps no lines and says nothing of keys that are there twice; so the outline
 * is checked here first, against the schema that libcyaml is then given.
 */
#include <cyaml/cyaml.h>
#include <stddef.h>
#include <yaml.h>

#include "base/error.h"

struct guard_document {
	yaml_document_t yaml;
	const char *file;
};

/* Both borrow file, which errors name. close() only after an open() that returned 0. */
int guard_document_open(struct guard_document *document, const char *file, const char *text,
	size_t size, struct stoq_error *error);
void guard_document_close(struct guard_document *document);

/* Keys that schema does not have, keys that are there twice or missing, values of another kind. */
int guard_document_check(struct guard_document *document, const cyaml_schema_value_t *schema,
	struct stoq_error *error);

/*
 * Lines begin with 1. Of key at the top; of rule (from 0), of its key, of the key's list item.
 * What is not there: the line of what it would be in.
 */
unsigned int guard_document_line(struct guard_document *document, const char *key);
unsigned int guard_document_rule_line(
	struct guard_document *document, size_t rule, const char *key, size_t item);
