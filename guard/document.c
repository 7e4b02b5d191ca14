// SPDX-License-Identifier: BSD-2-Clause
#include "guard/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where a check is: "" at the top, "rule 3, " in an item of the list. */
struct place {
	struct guard_document *document;
	char text[32];
	struct stoq_error *error;
};

static unsigned int line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

static yaml_node_t *node_at(struct guard_document *document, int index)
{
	return yaml_document_get_node(&document->yaml, index);
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static size_t pair_count(const yaml_node_t *mapping)
{
	return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static size_t item_count(const yaml_node_t *sequence)
{
	return (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

/* ---- open ---- */

static int parser_error(const yaml_parser_t *parser, const char *file, struct stoq_error *error)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return stoq_error_set(error, -ENOMEM, "%s: not enough memory to read it", file);
	return stoq_error_set(error, -EINVAL, "%.200s:%zu: not YAML: %s%s%s", file,
		parser->problem_mark.line + 1, parser->problem ? parser->problem : "unreadable",
		parser->context ? ", " : "", parser->context ? parser->context : "");
}

/* A second document would not be read, so it must not be there. */
static int check_end(
	struct guard_document *document, yaml_parser_t *parser, struct stoq_error *error)
{
	yaml_document_t next;
	const yaml_node_t *root;
	unsigned int line;

	if (!yaml_parser_load(parser, &next))
		return parser_error(parser, document->file, error);
	root = yaml_document_get_root_node(&next);
	line = root ? line_of(root) : 0;
	yaml_document_delete(&next);
	if (!line)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"%.200s:%u: a second YAML document begins here; %s is one: remove the line '---' "
		"before it",
		document->file, line, document->kind->what);
}

static int load(struct guard_document *document, yaml_parser_t *parser, struct stoq_error *error)
{
	int ret;

	if (!yaml_parser_load(parser, &document->yaml))
		return parser_error(parser, document->file, error);
	if (!yaml_document_get_root_node(&document->yaml))
		ret = stoq_error_set(error, -EINVAL,
			"%.200s:1: the file is empty; %s begins with `version: 1`", document->file,
			document->kind->what);
	else
		ret = check_end(document, parser, error);
	if (ret)
		yaml_document_delete(&document->yaml);
	return ret;
}

int guard_document_open(struct guard_document *document, const struct guard_document_kind *kind,
	const char *file, const char *text, size_t size, struct stoq_error *error)
{
	yaml_parser_t parser;
	int ret;

	document->file = file;
	document->kind = kind;
	if (!yaml_parser_initialize(&parser))
		return stoq_error_set(error, -ENOMEM, "%s: not enough memory to read it", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	ret = load(document, &parser, error);
	yaml_parser_delete(&parser);
	return ret;
}

void guard_document_close(struct guard_document *document)
{
	yaml_document_delete(&document->yaml);
}

/* ---- check ---- */

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++) {
		if (strcmp(fields->key, key) == 0)
			return fields;
	}
	return NULL;
}

static void list_keys(const cyaml_schema_field_t *fields, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (; fields->key && length < size; fields++)
		length += (size_t)snprintf(
			text + length, size - length, "%s%s", length ? ", " : "", fields->key);
}

static int check_key(const struct place *place, const yaml_node_t *mapping, size_t index,
	const cyaml_schema_field_t *fields)
{
	const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
	const yaml_node_t *key = node_at(place->document, pairs[index].key);
	char known[256];

	if (key->type != YAML_SCALAR_NODE)
		return stoq_error_set(place->error, -EINVAL,
			"%.200s:%u: %sa key must be a plain word", place->document->file,
			line_of(key), place->text);
	for (size_t i = 0; i < index; i++) {
		const yaml_node_t *other = node_at(place->document, pairs[i].key);

		if (strcmp(text_of(other), text_of(key)) == 0)
			return stoq_error_set(place->error, -EINVAL,
				"%.200s:%u: %s'%.40s' is already given in line %u; keep one of "
				"them",
				place->document->file, line_of(key), place->text, text_of(key),
				line_of(other));
	}
	if (find_field(fields, text_of(key)))
		return 0;
	list_keys(fields, known, sizeof(known));
	return stoq_error_set(place->error, -EINVAL,
		"%.200s:%u: %sthere is no field '%.40s'; the fields here are: %s",
		place->document->file, line_of(key), place->text, text_of(key), known);
}

static int check_scalar(const struct place *place, const yaml_node_t *node, const char *key)
{
	if (node->type == YAML_SCALAR_NODE && strlen(text_of(node)) == node->data.scalar.length)
		return 0;
	if (node->type == YAML_SCALAR_NODE)
		return stoq_error_set(place->error, -EINVAL, "%.200s:%u: %s%s: has a NUL character",
			place->document->file, line_of(node), place->text, key);
	return stoq_error_set(place->error, -EINVAL,
		"%.200s:%u: %s%s: must be a single value, not a %s%s", place->document->file,
		line_of(node), place->text, key,
		node->type == YAML_SEQUENCE_NODE ? "list" : "group of fields",
		strcmp(key, "namespace") == 0 ? "; for several write `namespaces: [1, 2]`" : "");
}

static int check_list(const struct place *place, const yaml_node_t *node, const char *key,
	const cyaml_schema_value_t *schema)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return stoq_error_set(place->error, -EINVAL,
			"%.200s:%u: %s%s: must be a list; write `%s: [%.60s]`",
			place->document->file, line_of(node), place->text, key, key,
			node->type == YAML_SCALAR_NODE && node->data.scalar.length ? text_of(node)
										   : "...");
	if (item_count(node) < schema->sequence.min)
		return stoq_error_set(place->error, -EINVAL,
			"%.200s:%u: %s%s: the list is empty; name at least one, or leave the field "
			"out",
			place->document->file, line_of(node), place->text, key);
	if (item_count(node) > schema->sequence.max)
		return stoq_error_set(place->error, -EINVAL,
			"%.200s:%u: %s%s: the list has %zu entries; at most %u are possible",
			place->document->file, line_of(node), place->text, key, item_count(node),
			schema->sequence.max);
	return 0;
}

static int check_mapping(
	const struct place *place, const yaml_node_t *node, const cyaml_schema_field_t *fields);

static int check_entries(const struct place *place, const yaml_node_t *list, const char *key,
	const cyaml_schema_value_t *entry)
{
	for (size_t i = 0; i < item_count(list); i++) {
		const yaml_node_t *node =
			node_at(place->document, list->data.sequence.items.start[i]);
		struct place inner = *place;
		int ret;

		if (entry->type != CYAML_MAPPING) {
			ret = check_scalar(place, node, key);
		} else {
			snprintf(inner.text, sizeof(inner.text), "%s %zu, ",
				strcmp(key, place->document->kind->list) == 0
					? place->document->kind->item
					: "list",
				i + 1);
			ret = check_mapping(&inner, node, entry->mapping.fields);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int check_value(
	const struct place *place, const yaml_node_t *node, const cyaml_schema_field_t *field)
{
	int ret;

	if (field->value.type != CYAML_SEQUENCE)
		return check_scalar(place, node, field->key);
	ret = check_list(place, node, field->key, &field->value);
	return ret ? ret : check_entries(place, node, field->key, field->value.sequence.entry);
}

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

static int check_required(
	const struct place *place, const yaml_node_t *node, const cyaml_schema_field_t *fields)
{
	for (; fields->key; fields++) {
		if (!(fields->value.flags & CYAML_FLAG_OPTIONAL) &&
			!find_value(place->document, node, fields->key))
			return stoq_error_set(place->error, -EINVAL,
				"%.200s:%u: %sthe field '%s' is missing", place->document->file,
				line_of(node), place->text, fields->key);
	}
	return 0;
}

static int check_mapping(
	const struct place *place, const yaml_node_t *node, const cyaml_schema_field_t *fields)
{
	if (node->type != YAML_MAPPING_NODE)
		return stoq_error_set(place->error, -EINVAL,
			"%.200s:%u: %sfields are expected here, such as `%s: ...`",
			place->document->file, line_of(node), place->text, fields->key);
	for (size_t i = 0; i < pair_count(node); i++) {
		const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
		int ret = check_key(place, node, i, fields);

		if (!ret)
			ret = check_value(place, node_at(place->document, pair->value),
				find_field(fields, text_of(node_at(place->document, pair->key))));
		if (ret)
			return ret;
	}
	return check_required(place, node, fields);
}

int guard_document_check(struct guard_document *document, const cyaml_schema_value_t *schema,
	struct stoq_error *error)
{
	const struct place top = {.document = document, .error = error};

	return check_mapping(
		&top, yaml_document_get_root_node(&document->yaml), schema->mapping.fields);
}

/* ---- values ---- */

/* libcyaml's first message has what is wrong, those after it where; the outline has the lines. */
__attribute__((format(printf, 3, 0))) static void keep_first_message(
	cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	char *message = context;

	(void)level;
	if (message[0])
		return;
	vsnprintf(message, 160, format, arguments);
	message[strcspn(message, "\n")] = '\0';
}

static cyaml_config_t loader(char message[static 160])
{
	return (cyaml_config_t){
		.log_fn = keep_first_message,
		.log_ctx = message,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

int guard_document_load(struct guard_document *document, const cyaml_schema_value_t *schema,
	const char *text, size_t size, void **data, struct stoq_error *error)
{
	char message[160] = "";
	cyaml_config_t config = loader(message);
	cyaml_err_t ret = cyaml_load_data((const uint8_t *)text, size, &config, schema, data, NULL);

	if (ret == CYAML_OK)
		return 0;
	*data = NULL;
	if (ret == CYAML_ERR_ALIAS)
		return stoq_error_set(error, -EINVAL,
			"%.200s: YAML anchors and aliases (& and *) are not understood in %s; "
			"write the values out, and put quotes round a text that begins with * or &",
			document->file, document->kind->what);
	return stoq_error_set(
		error, -EINVAL, "%.200s: %s (%s)", document->file, cyaml_strerror(ret), message);
}

void guard_document_free(const cyaml_schema_value_t *schema, void *data)
{
	char message[160] = "";
	cyaml_config_t config = loader(message);

	if (data)
		cyaml_free(&config, schema, data, 0);
}

/* ---- lines ---- */

unsigned int guard_document_line(struct guard_document *document, const char *key)
{
	const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
	const yaml_node_t *node = find_value(document, root, key);

	return line_of(node ? node : root);
}

unsigned int guard_document_item_line(
	struct guard_document *document, size_t item, const char *key, size_t entry)
{
	return guard_document_entry_line(document, document->kind->list, item, key, entry);
}

unsigned int guard_document_entry_line(struct guard_document *document, const char *list_key,
	size_t item, const char *key, size_t entry)
{
	const yaml_node_t *root = yaml_document_get_root_node(&document->yaml);
	const yaml_node_t *list = find_value(document, root, list_key);
	const yaml_node_t *node, *value;

	if (!list || list->type != YAML_SEQUENCE_NODE || item >= item_count(list))
		return line_of(root);
	node = node_at(document, list->data.sequence.items.start[item]);
	value = key ? find_value(document, node, key) : NULL;
	if (!value)
		return line_of(node);
	if (value->type == YAML_SEQUENCE_NODE && entry < item_count(value))
		value = node_at(document, value->data.sequence.items.start[entry]);
	return line_of(value);
}
