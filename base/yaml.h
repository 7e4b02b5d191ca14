/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A YAML file as libyaml's tree, and errors that name the file and the line. Mappings are taken by
 * tables of keys, so that an unknown key and one that is there twice are errors everywhere.
 */
#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/error.h"

/* The words that errors use. */
struct stoq_yaml_kind {
	const char *what;   /* "a policy" */
	const char *begins; /* what it begins with: "version: 1" */
};

struct stoq_yaml {
	yaml_document_t document;
	const char *file;
};

/*
 * How deep lists and mappings may be nested: no file of ours needs a third of it. libyaml takes time by the square of the depth: hours
 * for a megabyte of brackets.
 */
#define STOQ_YAML_DEPTH	   16
#define STOQ_YAML_TOO_DEEP "lists and mappings are nested more than 16 deep"

/* For each event, with *depth 0 at first: the line, from 1, if it is nested too deep, or 0. */
unsigned int stoq_yaml_too_deep(int *depth, const yaml_event_t *event);

/* Borrows file. -EINVAL: not YAML, too deep, empty, a second document; -ENOMEM. Free it after a 0. */
int stoq_yaml_parse(struct stoq_yaml *yaml, const struct stoq_yaml_kind *kind, const char *file,
	const char *text, size_t size, struct stoq_error *error);
void stoq_yaml_free(struct stoq_yaml *yaml);

/* A place in it, for those who read values. */
struct stoq_yaml_at {
	struct stoq_yaml *yaml;
	const yaml_node_t *node;
	struct stoq_error *error;
};

struct stoq_yaml_at stoq_yaml_root(struct stoq_yaml *yaml, struct stoq_error *error);

/* "FILE:LINE: " and the message. Returns -EINVAL. */
int stoq_yaml_refuse(const struct stoq_yaml_at *at, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The scalar's text; NULL: it is another kind of node, or contains a NUL. */
const char *stoq_yaml_text(const yaml_node_t *node);
/* The same, or an error that names the key. */
int stoq_yaml_take_text(const struct stoq_yaml_at *at, const char *key, const char **text);
int stoq_yaml_take_bool(const struct stoq_yaml_at *at, const char *key, bool *value);

/* A key of a mapping and the function that takes its value; a table ends with a NULL. */
struct stoq_yaml_key {
	const char *name;
	int (*take)(const struct stoq_yaml_at *value, void *into);
};
int stoq_yaml_take_keys(
	const struct stoq_yaml_at *at, const struct stoq_yaml_key *keys, void *into);

/* A mapping whose keys are the user's names; none twice. */
int stoq_yaml_each_pair(const struct stoq_yaml_at *at,
	int (*take)(const struct stoq_yaml_at *value, const char *name, void *into), void *into);
/* A sequence. */
int stoq_yaml_each_item(const struct stoq_yaml_at *at, const char *key,
	int (*take)(const struct stoq_yaml_at *item, void *into), void *into);
