// SPDX-License-Identifier: BSD-2-Clause
#include "base/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* From 1. */
static unsigned int line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

/* ---- the whole ---- */

static int parser_error(const yaml_parser_t *parser, const char *file, struct stoq_error *error)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return stoq_error_set(error, -ENOMEM, "%s: not enough memory to read it", file);
	return stoq_error_set(error, -EINVAL, "%.200s:%zu: not YAML: %s%s%s", file,
		parser->problem_mark.line + 1, parser->problem ? parser->problem : "unreadable",
		parser->context ? ", " : "", parser->context ? parser->context : "");
}

static int depth_change(yaml_event_type_t type)
{
	if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
		return 1;
	return type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT ? -1 : 0;
}

unsigned int stoq_yaml_too_deep(int *depth, const yaml_event_t *event)
{
	*depth += depth_change(event->type);
	return *depth > STOQ_YAML_DEPTH ? (unsigned int)event->start_mark.line + 1 : 0;
}

/* The line in which values are nested too deep, or 0. What is no YAML is left to the parser. */
static unsigned int find_too_deep(const char *text, size_t size)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned int line = 0;
	bool more = true;
	int depth = 0;

	if (!yaml_parser_initialize(&parser))
		return 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	while (more && !line && yaml_parser_parse(&parser, &event)) {
		line = stoq_yaml_too_deep(&depth, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return line;
}

/* A second document would not be read, so it must not be there. */
static int check_end(yaml_parser_t *parser, const struct stoq_yaml_kind *kind, const char *file,
	struct stoq_error *error)
{
	yaml_document_t next;
	const yaml_node_t *root;
	unsigned int line;

	if (!yaml_parser_load(parser, &next))
		return parser_error(parser, file, error);
	root = yaml_document_get_root_node(&next);
	line = root ? line_of(root) : 0;
	yaml_document_delete(&next);
	if (!line)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"%.200s:%u: a second YAML document begins here; %s is one: remove the line '---' "
		"before it",
		file, line, kind->what);
}

static int load(struct stoq_yaml *yaml, yaml_parser_t *parser, const struct stoq_yaml_kind *kind,
	struct stoq_error *error)
{
	int ret;

	if (!yaml_parser_load(parser, &yaml->document))
		return parser_error(parser, yaml->file, error);
	if (yaml_document_get_root_node(&yaml->document))
		ret = check_end(parser, kind, yaml->file, error);
	else
		ret = stoq_error_set(error, -EINVAL,
			"%.200s:1: the file is empty; %s begins with `%s`", yaml->file, kind->what,
			kind->begins);
	if (ret)
		yaml_document_delete(&yaml->document);
	return ret;
}

int stoq_yaml_parse(struct stoq_yaml *yaml, const struct stoq_yaml_kind *kind, const char *file,
	const char *text, size_t size, struct stoq_error *error)
{
	unsigned int deep = find_too_deep(text, size);
	yaml_parser_t parser;
	int ret;

	yaml->file = file;
	if (deep)
		return stoq_error_set(error, -EINVAL, "%.200s:%u: " STOQ_YAML_TOO_DEEP, file, deep);
	if (!yaml_parser_initialize(&parser))
		return stoq_error_set(error, -ENOMEM, "%s: not enough memory to read it", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	ret = load(yaml, &parser, kind, error);
	yaml_parser_delete(&parser);
	return ret;
}

void stoq_yaml_free(struct stoq_yaml *yaml)
{
	yaml_document_delete(&yaml->document);
}

/* ---- places ---- */

struct stoq_yaml_at stoq_yaml_root(struct stoq_yaml *yaml, struct stoq_error *error)
{
	return (struct stoq_yaml_at){yaml, yaml_document_get_root_node(&yaml->document), error};
}

static struct stoq_yaml_at at_index(const struct stoq_yaml_at *at, int index)
{
	return (struct stoq_yaml_at){
		at->yaml, yaml_document_get_node(&at->yaml->document, index), at->error};
}

int stoq_yaml_refuse(const struct stoq_yaml_at *at, const char *format, ...)
{
	char message[400];
	va_list arguments;

	va_start(arguments, format);
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return stoq_error_set(
		at->error, -EINVAL, "%.200s:%u: %s", at->yaml->file, line_of(at->node), message);
}

/* ---- values ---- */

const char *stoq_yaml_text(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

int stoq_yaml_take_text(const struct stoq_yaml_at *at, const char *key, const char **text)
{
	*text = stoq_yaml_text(at->node);
	return *text ? 0 : stoq_yaml_refuse(at, "%.80s: must be a single value, without NUL", key);
}

int stoq_yaml_take_bool(const struct stoq_yaml_at *at, const char *key, bool *value)
{
	const char *text = stoq_yaml_text(at->node);

	*value = text && strcmp(text, "true") == 0;
	if (*value || (text && strcmp(text, "false") == 0))
		return 0;
	return stoq_yaml_refuse(at, "%.80s: must be true or false", key);
}

static int check_unique(const struct stoq_yaml_at *key, const struct stoq_yaml_at *mapping,
	const yaml_node_pair_t *pair)
{
	const char *name = stoq_yaml_text(key->node);

	if (!name)
		return stoq_yaml_refuse(key, "a key must be a plain word");
	for (const yaml_node_pair_t *other = mapping->node->data.mapping.pairs.start; other < pair;
		other++) {
		const struct stoq_yaml_at earlier = at_index(mapping, other->key);

		if (strcmp(stoq_yaml_text(earlier.node), name) == 0)
			return stoq_yaml_refuse(key,
				"'%.80s' is already given in line %u; keep one of them", name,
				line_of(earlier.node));
	}
	return 0;
}

int stoq_yaml_each_pair(const struct stoq_yaml_at *at,
	int (*take)(const struct stoq_yaml_at *value, const char *name, void *into), void *into)
{
	const yaml_node_pair_t *pair, *top;
	int ret = 0;

	if (at->node->type != YAML_MAPPING_NODE)
		return stoq_yaml_refuse(at, "keys are expected here, as in `key: value`");
	top = at->node->data.mapping.pairs.top;
	for (pair = at->node->data.mapping.pairs.start; !ret && pair < top; pair++) {
		const struct stoq_yaml_at key = at_index(at, pair->key);
		const struct stoq_yaml_at value = at_index(at, pair->value);

		ret = check_unique(&key, at, pair);
		if (!ret)
			ret = take(&value, stoq_yaml_text(key.node), into);
	}
	return ret;
}

/* ---- tables of keys ---- */

struct keyed {
	const struct stoq_yaml_key *keys;
	void *into;
};

static int refuse_key(
	const struct stoq_yaml_at *value, const char *name, const struct stoq_yaml_key *keys)
{
	char known[256];
	size_t length = 0;

	for (; keys->name && length < sizeof(known); keys++)
		length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s",
			length ? ", " : "", keys->name);
	return stoq_yaml_refuse(
		value, "there is no key '%.80s' here; the keys are: %s", name, known);
}

static int take_key(const struct stoq_yaml_at *value, const char *name, void *context)
{
	const struct keyed *keyed = context;

	for (const struct stoq_yaml_key *key = keyed->keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key->take(value, keyed->into);
	return refuse_key(value, name, keyed->keys);
}

int stoq_yaml_take_keys(const struct stoq_yaml_at *at, const struct stoq_yaml_key *keys, void *into)
{
	struct keyed keyed = {keys, into};

	return stoq_yaml_each_pair(at, take_key, &keyed);
}

int stoq_yaml_each_item(const struct stoq_yaml_at *at, const char *key,
	int (*take)(const struct stoq_yaml_at *item, void *into), void *into)
{
	const yaml_node_item_t *item, *top;
	int ret = 0;

	if (at->node->type != YAML_SEQUENCE_NODE)
		return stoq_yaml_refuse(
			at, "%.80s: must be a list, as in `%.80s: [...]`", key, key);
	top = at->node->data.sequence.items.top;
	for (item = at->node->data.sequence.items.start; !ret && item < top; item++) {
		const struct stoq_yaml_at entry = at_index(at, *item);

		ret = take(&entry, into);
	}
	return ret;
}
