// SPDX-License-Identifier: BSD-2-Clause
#include "guard/document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

#define FIELDS_MAX 32 /* of a mapping */

static struct stoq_guard_place place_of(const yaml_mark_t *mark)
{
	return (struct stoq_guard_place){
		(unsigned int)mark->line + 1, (unsigned int)mark->column + 1};
}

static struct stoq_guard_place place_of_node(const yaml_node_t *node)
{
	return place_of(&node->start_mark);
}

static yaml_node_t *node_at(struct guard_document *document, int index)
{
	return yaml_document_get_node(&document->yaml, index);
}

static char *text_of(const yaml_node_t *node)
{
	return (char *)node->data.scalar.value;
}

static size_t pair_count(const yaml_node_t *mapping)
{
	return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static size_t item_count(const yaml_node_t *sequence)
{
	return (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

/* ---- mistakes ---- */

#define mistake(document, place, hint, ...)                                                        \
	stoq_guard_mistakes_add((document)->mistakes, (document)->order, (document)->file, place,  \
		hint, __VA_ARGS__)

/* The part of a reason behind its first semicolon is what to do. */
void guard_document_refuse(struct guard_document *document, struct stoq_guard_place place,
	const char *before, const char *key, const char *value, const char *reason)
{
	const char *hint = strstr(reason, "; ");
	int length = hint ? (int)(hint - reason) : (int)strlen(reason);

	mistake(document, place, hint ? hint + 2 : NULL, "%s%s: '%.60s' %.*s", before, key, value,
		length, reason);
}

/* ---- open ---- */

static bool refuse_syntax(struct guard_document *document, const yaml_parser_t *parser)
{
	document->mistakes->unread = true;
	if (parser->error == YAML_MEMORY_ERROR)
		document->mistakes->no_memory = true;
	else
		mistake(document, place_of(&parser->problem_mark), NULL, "not YAML: %s%s%s",
			parser->problem ? parser->problem : "unreadable",
			parser->context ? ", " : "", parser->context ? parser->context : "");
	return false;
}

static bool start(
	struct guard_document *document, yaml_parser_t *parser, const char *text, size_t size)
{
	if (!yaml_parser_initialize(parser)) {
		document->mistakes->no_memory = true;
		return false;
	}
	yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
	return true;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return event->data.alias.anchor;
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* What of a text is no part of a policy, though it is YAML. */
struct outlook {
	size_t flaws;
	int depth;
};

/* One event; false: it is the last one to look at. Syntax is found fault with when the tree is made. */
static bool look_at_event(
	struct guard_document *document, yaml_parser_t *parser, struct outlook *outlook)
{
	yaml_event_t event;
	bool more, deep;

	if (!yaml_parser_parse(parser, &event))
		return false;
	deep = stoq_yaml_too_deep(&outlook->depth, &event) != 0;
	outlook->flaws += deep;
	if (deep)
		mistake(document, place_of(&event.start_mark), NULL, STOQ_YAML_TOO_DEEP);
	if (anchor_of(&event)) {
		char before[64];

		snprintf(before, sizeof(before), "in %s", document->kind->what);
		outlook->flaws++;
		mistake(document, place_of(&event.start_mark),
			"write the values out, and put quotes round a text that begins with * or &",
			"YAML anchors and aliases (& and *) are not understood %s", before);
	}
	more = event.type != YAML_STREAM_END_EVENT && !deep;
	yaml_event_delete(&event);
	return more;
}

/* libyaml's tree has what aliases stand for in their place: they are only seen here. */
static bool is_plain(struct guard_document *document, const char *text, size_t size)
{
	struct outlook outlook = {0};
	yaml_parser_t parser;

	if (!start(document, &parser, text, size))
		return false;
	while (look_at_event(document, &parser, &outlook))
		;
	yaml_parser_delete(&parser);
	document->mistakes->unread |= outlook.flaws != 0;
	return !outlook.flaws;
}

/* A second document would not be read, so it must not be there. */
static bool check_end(struct guard_document *document, yaml_parser_t *parser)
{
	struct stoq_guard_place place = {0, 0};
	const yaml_node_t *root;
	yaml_document_t next;
	char hint[128];

	if (!yaml_parser_load(parser, &next))
		return refuse_syntax(document, parser);
	root = yaml_document_get_root_node(&next);
	if (root)
		place = place_of_node(root);
	yaml_document_delete(&next);
	if (!place.line)
		return true;
	snprintf(hint, sizeof(hint), "%s is one: remove the line '---' before it",
		document->kind->what);
	mistake(document, place, hint, "a second YAML document begins here");
	return true;
}

static bool load(struct guard_document *document, yaml_parser_t *parser)
{
	char hint[128];

	if (!yaml_parser_load(parser, &document->yaml))
		return refuse_syntax(document, parser);
	document->open = true;
	if (yaml_document_get_root_node(&document->yaml))
		return check_end(document, parser);
	snprintf(hint, sizeof(hint), "%s begins with `version: 1`", document->kind->what);
	mistake(document, ((struct stoq_guard_place){1, 1}), hint, "the file is empty");
	return false;
}

bool guard_document_open(struct guard_document *document, const char *text, size_t size)
{
	yaml_parser_t parser;
	bool loaded;

	document->open = false;
	if (!is_plain(document, text, size) || !start(document, &parser, text, size))
		return false;
	loaded = load(document, &parser);
	yaml_parser_delete(&parser);
	return loaded;
}

void guard_document_close(struct guard_document *document)
{
	if (document->open)
		yaml_document_delete(&document->yaml);
	document->open = false;
}

/* ---- values ---- */

/* Where a value is: "" at the top, "rule 3, " in an item of the list. */
struct loading {
	struct guard_document *document;
	char before[32];
};

static void refuse(const struct loading *loading, const yaml_node_t *node, const char *hint,
	const char *key, const char *text)
{
	mistake(loading->document, place_of_node(node), hint, "%s%s%s%s", loading->before, key,
		key[0] ? ": " : "", text);
}

static const struct guard_field *find_field(const struct guard_field *fields, const char *key)
{
	for (; fields->key; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	return NULL;
}

static void refuse_key(
	const struct loading *loading, const yaml_node_t *key, const struct guard_field *fields)
{
	char hint[256] = "the fields here are: ";
	size_t length = strlen(hint);

	for (const struct guard_field *field = fields; field->key && length < sizeof(hint); field++)
		length += (size_t)snprintf(hint + length, sizeof(hint) - length, "%s%s",
			field == fields ? "" : ", ", field->key);
	mistake(loading->document, place_of_node(key), hint, "%sthere is no field '%.40s'",
		loading->before, text_of(key));
}

/* The field of a key; NULL: there is none, or it had its turn, in the line that is in seen. */
static const struct guard_field *take_key(const struct loading *loading, const yaml_node_t *key,
	const struct guard_field *fields, unsigned int seen[static FIELDS_MAX])
{
	const struct guard_field *field;
	unsigned int *line;

	if (key->type != YAML_SCALAR_NODE) {
		refuse(loading, key, NULL, "", "a key must be a plain word");
		return NULL;
	}
	field = find_field(fields, text_of(key));
	if (!field) {
		refuse_key(loading, key, fields);
		return NULL;
	}
	line = &seen[field - fields];
	if (*line)
		mistake(loading->document, place_of_node(key), "keep one of them",
			"%s'%.40s' is already given in line %u", loading->before, text_of(key),
			*line);
	field = *line ? NULL : field;
	*line = place_of_node(key).line;
	return field;
}

/* A text, or NULL. */
static char *take_text(const struct loading *loading, const yaml_node_t *node, const char *key)
{
	if (node->type == YAML_SCALAR_NODE && strlen(text_of(node)) == node->data.scalar.length)
		return text_of(node);
	if (node->type == YAML_SCALAR_NODE)
		refuse(loading, node, NULL, key, "has a NUL character");
	else
		refuse(loading, node,
			strcmp(key, "namespace") == 0 ? "for several write `namespaces: [1, 2]`"
						      : NULL,
			key,
			node->type == YAML_SEQUENCE_NODE
				? "must be a single value, not a list"
				: "must be a single value, not a group of fields");
	return NULL;
}

static bool is_list(
	const struct loading *loading, const yaml_node_t *node, const struct guard_field *field)
{
	char text[128];

	if (node->type != YAML_SEQUENCE_NODE) {
		snprintf(text, sizeof(text), "write `%s: [%.60s]`", field->key,
			node->type == YAML_SCALAR_NODE && node->data.scalar.length ? text_of(node)
										   : "...");
		refuse(loading, node, text, field->key, "must be a list");
		return false;
	}
	if (item_count(node) < field->least)
		refuse(loading, node, "name at least one, or leave the field out", field->key,
			"the list is empty");
	if (item_count(node) <= field->most)
		return true;
	snprintf(text, sizeof(text), "the list has %zu entries", item_count(node));
	mistake(loading->document, place_of_node(node), NULL, "%s%s: %s; at most %u are possible",
		loading->before, field->key, text, field->most);
	return false;
}

static void load_mapping(struct loading *loading, const yaml_node_t *node,
	const struct guard_field *fields, void *values);

/* What an item of this list is called. */
static const char *item_of(const struct guard_document_kind *kind, const char *list)
{
	if (strcmp(list, kind->list) == 0)
		return kind->item;
	return strcmp(list, "limits") == 0 ? "limit" : "list";
}

static void load_item(const struct loading *loading, const yaml_node_t *node,
	const struct guard_field *field, size_t index, void *value)
{
	struct loading inner = {.document = loading->document};

	snprintf(inner.before, sizeof(inner.before), "%s %zu, ",
		item_of(loading->document->kind, field->key), index + 1);
	load_mapping(&inner, node, field->fields, value);
}

static void load_list(const struct loading *loading, const yaml_node_t *node,
	const struct guard_field *field, char *values)
{
	size_t count = item_count(node);
	bool texts = field->shape == GUARD_FIELD_IS_TEXTS;
	size_t bytes = texts ? sizeof(char *) : field->item_bytes;
	char *array = calloc(count + 1, bytes);

	if (!array) {
		loading->document->mistakes->no_memory = true;
		return;
	}
	*(void **)(values + field->offset) = array;
	*(unsigned int *)(values + field->count_offset) = (unsigned int)count;
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *entry =
			node_at(loading->document, node->data.sequence.items.start[i]);

		if (texts)
			((char **)array)[i] = take_text(loading, entry, field->key);
		else
			load_item(loading, entry, field, i, array + i * bytes);
	}
}

static void load_value(const struct loading *loading, const yaml_node_t *node,
	const struct guard_field *field, char *values)
{
	if (field->shape == GUARD_FIELD_IS_TEXT)
		*(char **)(values + field->offset) = take_text(loading, node, field->key);
	else if (is_list(loading, node, field))
		load_list(loading, node, field, values);
}

static void load_mapping(struct loading *loading, const yaml_node_t *node,
	const struct guard_field *fields, void *values)
{
	unsigned int seen[FIELDS_MAX] = {0};
	char text[96];

	if (node->type != YAML_MAPPING_NODE) {
		snprintf(text, sizeof(text), "fields are expected here, such as `%s: ...`",
			fields->key);
		refuse(loading, node, NULL, "", text);
		return;
	}
	for (size_t i = 0; i < pair_count(node); i++) {
		const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
		const struct guard_field *field =
			take_key(loading, node_at(loading->document, pair->key), fields, seen);

		if (field)
			load_value(loading, node_at(loading->document, pair->value), field, values);
	}
	for (size_t i = 0; fields[i].key; i++) {
		if (!fields[i].required || seen[i])
			continue;
		snprintf(text, sizeof(text), "the field '%s' is missing", fields[i].key);
		refuse(loading, node, NULL, "", text);
	}
}

void guard_document_load(
	struct guard_document *document, const struct guard_field *fields, void *values)
{
	struct loading top = {.document = document};

	load_mapping(&top, yaml_document_get_root_node(&document->yaml), fields, values);
}

void guard_document_free(const struct guard_field *fields, void *values)
{
	for (; fields->key; fields++) {
		char *array;
		unsigned int count;

		if (fields->shape == GUARD_FIELD_IS_TEXT)
			continue;
		array = *(char **)((char *)values + fields->offset);
		count = *(unsigned int *)((char *)values + fields->count_offset);
		for (unsigned int i = 0; fields->shape == GUARD_FIELD_IS_ITEMS && i < count; i++)
			guard_document_free(fields->fields, array + i * fields->item_bytes);
		free(array);
	}
}

/* ---- places ---- */

static const yaml_node_t *find_value(
	struct guard_document *document, const yaml_node_t *mapping, const char *key)
{
	if (mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (size_t i = 0; i < pair_count(mapping); i++) {
		const yaml_node_pair_t *pair = &mapping->data.mapping.pairs.start[i];
		const yaml_node_t *node = node_at(document, pair->key);

		if (node->type == YAML_SCALAR_NODE && strcmp(text_of(node), key) == 0)
			return node_at(document, pair->value);
	}
	return NULL;
}

/* An entry of a list, or the list itself. */
static const yaml_node_t *entry_of(
	struct guard_document *document, const yaml_node_t *node, size_t entry)
{
	if (node->type != YAML_SEQUENCE_NODE || entry >= item_count(node))
		return node;
	return node_at(document, node->data.sequence.items.start[entry]);
}

struct stoq_guard_place guard_document_place(struct guard_document *document, const char *key)
{
	const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
	const yaml_node_t *node = find_value(document, root, key);

	return place_of_node(node ? node : root);
}

struct stoq_guard_place guard_document_list_place(
	struct guard_document *document, const char *list, size_t entry)
{
	return guard_document_entry_place(document, list, entry, NULL, 0);
}

struct stoq_guard_place guard_document_entry_place(struct guard_document *document,
	const char *list, size_t item, const char *key, size_t entry)
{
	const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
	const yaml_node_t *all = find_value(document, root, list), *node, *value;

	if (!all || all->type != YAML_SEQUENCE_NODE || item >= item_count(all))
		return place_of_node(all ? all : root);
	node = entry_of(document, all, item);
	value = key ? find_value(document, node, key) : NULL;
	return place_of_node(value ? entry_of(document, value, entry) : node);
}
