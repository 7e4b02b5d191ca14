// SPDX-License-Identifier: BSD-2-Clause
#include "tool/tunnel/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"

#define FILE_MAX (1u << 20) /* bytes */

/* What the options point into. */
static struct stoq_yaml yaml;

struct place {
	const char *path;
	size_t line;
};

static int at(const struct place *place, struct stoq_error *error, int ret)
{
	struct stoq_error inner = *error;

	return stoq_error_set(error, ret, "%s:%zu: %s", place->path, place->line, inner.text);
}

static const char *text_of(const yaml_node_t *node)
{
	return node ? stoq_yaml_text(node) : NULL;
}

static int load(const char *path, struct stoq_error *error)
{
	static const struct stoq_yaml_kind kind = {"a tunnel's file", "role: listen"};
	char *text;
	size_t size;
	int ret = stoq_file_read_text(&text, &size, FILE_MAX, "the tunnel's file", path, error);

	if (ret)
		return ret;
	ret = stoq_yaml_parse(&yaml, &kind, path, text, size, error);
	free(text);
	return ret;
}

/* ---- keys ---- */

static const struct option *find_option(const struct option *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0 && table->val >= TOOL_OPTION_FIRST)
			return table;
	return NULL;
}

static int take_flag(struct tunnel_options *options, const struct option *option, const char *text,
	struct stoq_error *error)
{
	if (text && strcmp(text, "false") == 0)
		return 0;
	if (!text || strcmp(text, "true") != 0)
		return stoq_error_set(error, -EINVAL, "%s is true or false", option->name);
	return tunnel_options_take(options, option->val, NULL, error);
}

static int take_value(struct tunnel_options *options, const struct option *option,
	const yaml_node_t *value, struct place *place, struct stoq_error *error)
{
	const char *text = text_of(value);
	int ret;

	place->line = value->start_mark.line + 1;
	if (option->has_arg == no_argument)
		ret = take_flag(options, option, text, error);
	else if (!text)
		ret = stoq_error_set(error, -EINVAL, "%s takes a text", option->name);
	else
		ret = tunnel_options_take(options, option->val, text, error);
	return ret ? at(place, error, ret) : 0;
}

/* One value, or a list of them. */
static int take_values(struct tunnel_options *options, const struct option *option,
	const yaml_node_t *value, struct place *place, struct stoq_error *error)
{
	int ret = 0;

	if (value->type != YAML_SEQUENCE_NODE)
		return take_value(options, option, value, place, error);
	for (yaml_node_item_t *item = value->data.sequence.items.start;
		!ret && item < value->data.sequence.items.top; item++)
		ret = take_value(options, option, yaml_document_get_node(&yaml.document, *item),
			place, error);
	return ret;
}

static int take_pair(struct tunnel_options *options, const yaml_node_pair_t *pair,
	struct place *place, struct stoq_error *error)
{
	const yaml_node_t *key = yaml_document_get_node(&yaml.document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&yaml.document, pair->value);
	const char *name = text_of(key);
	const struct option *option;

	place->line = key->start_mark.line + 1;
	if (name && strcmp(name, "role") == 0)
		return 0;
	option = name ? find_option(tunnel_options_table(options->tunnel.end), name) : NULL;
	if (!option) {
		stoq_error_set(error, -EINVAL,
			"there is no key '%.40s' here; keys are the long options of the role, see "
			"stoq-tunnel(8)",
			name ? name : "");
		return at(place, error, -EINVAL);
	}
	return take_values(options, option, value, place, error);
}

/* ---- the whole ---- */

static int read_role(const yaml_node_t *root, struct place *place, enum stoq_tunnel_end *end,
	struct stoq_error *error)
{
	const char *role = NULL;

	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		pair < root->data.mapping.pairs.top; pair++) {
		const char *key = text_of(yaml_document_get_node(&yaml.document, pair->key));
		const yaml_node_t *value = yaml_document_get_node(&yaml.document, pair->value);

		if (!key || strcmp(key, "role") != 0)
			continue;
		place->line = value->start_mark.line + 1;
		role = text_of(value);
	}
	if (role && strcmp(role, "listen") == 0) {
		*end = STOQ_TUNNEL_TARGET_END;
		return 0;
	}
	*end = STOQ_TUNNEL_HOST_END;
	if (role && strcmp(role, "connect") == 0)
		return 0;
	stoq_error_set(error, -EINVAL, "`role: listen` or `role: connect` is needed");
	return at(place, error, -EINVAL);
}

int tunnel_file_read(const char *path, struct tunnel_options *options, struct stoq_error *error)
{
	struct place place = {path, 1};
	const yaml_node_t *root;
	enum stoq_tunnel_end end;
	int ret = load(path, error);

	if (ret)
		return ret;
	root = yaml_document_get_root_node(&yaml.document);
	if (!root || root->type != YAML_MAPPING_NODE) {
		stoq_error_set(error, -EINVAL, "a tunnel's file has keys, such as `role: listen`");
		return at(&place, error, -EINVAL);
	}
	ret = read_role(root, &place, &end, error);
	if (ret)
		return ret;
	tunnel_options_begin(options, end);
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		!ret && pair < root->data.mapping.pairs.top; pair++)
		ret = take_pair(options, pair, &place, error);
	place.line = 1;
	if (!ret && tunnel_options_complete(options, error))
		ret = at(&place, error, -EINVAL);
	return ret;
}
