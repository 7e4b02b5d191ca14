// SPDX-License-Identifier: BSD-2-Clause
#include "guard/policy_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the shape of a file ---- */

static const struct guard_field list_fields[] = {
	GUARD_TEXT("name", GUARD_REQUIRED, guard_list_text, name),
	GUARD_TEXTS("hosts", guard_list_text, hosts, host_count, STOQ_GUARD_LISTED_MAX),
	GUARD_FIELDS_END,
};

static const struct guard_field rule_fields[] = {
	GUARD_TEXT("name", GUARD_OPTIONAL, stoq_guard_rule_text, name),
	GUARD_TEXT("host", GUARD_OPTIONAL, stoq_guard_rule_text, host),
	GUARD_TEXTS("hosts", stoq_guard_rule_text, hosts, host_count, STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("subsystem", GUARD_OPTIONAL, stoq_guard_rule_text, subsystem),
	GUARD_TEXTS("subsystems", stoq_guard_rule_text, subsystems, subsystem_count,
		STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("namespace", GUARD_OPTIONAL, stoq_guard_rule_text, nsid),
	GUARD_TEXTS("namespaces", stoq_guard_rule_text, nsids, nsid_count, STOQ_GUARD_LIST_MAX),
	GUARD_TEXTS("commands", stoq_guard_rule_text, commands, command_count, STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("lba", GUARD_OPTIONAL, stoq_guard_rule_text, lba),
	GUARD_TEXT("verdict", GUARD_REQUIRED, stoq_guard_rule_text, verdict),
	GUARD_TEXT("status", GUARD_OPTIONAL, stoq_guard_rule_text, status),
	GUARD_FIELDS_END,
};

static const struct guard_field limit_fields[] = {
	GUARD_TEXT("name", GUARD_REQUIRED, guard_limit_text, match.name),
	GUARD_TEXT("host", GUARD_OPTIONAL, guard_limit_text, match.host),
	GUARD_TEXTS("hosts", guard_limit_text, match.hosts, match.host_count, STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("subsystem", GUARD_OPTIONAL, guard_limit_text, match.subsystem),
	GUARD_TEXTS("subsystems", guard_limit_text, match.subsystems, match.subsystem_count,
		STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("namespace", GUARD_OPTIONAL, guard_limit_text, match.nsid),
	GUARD_TEXTS(
		"namespaces", guard_limit_text, match.nsids, match.nsid_count, STOQ_GUARD_LIST_MAX),
	GUARD_TEXT("direction", GUARD_OPTIONAL, guard_limit_text, direction),
	GUARD_TEXT("share", GUARD_OPTIONAL, guard_limit_text, share),
	GUARD_TEXT("iops", GUARD_OPTIONAL, guard_limit_text, iops),
	GUARD_TEXT("bandwidth", GUARD_OPTIONAL, guard_limit_text, bandwidth),
	GUARD_TEXT("burst", GUARD_OPTIONAL, guard_limit_text, burst),
	GUARD_FIELDS_END,
};

/* What an included file may have, too. */
#define SHARED_FIELDS                                                                              \
	GUARD_TEXTS(                                                                               \
		GUARD_INCLUDES, guard_policy_text, includes, include_count, STOQ_GUARD_FILES_MAX), \
		GUARD_ITEMS(GUARD_LISTS, GUARD_OPTIONAL, guard_policy_text, lists, list_count,     \
			list_fields, 0, STOQ_GUARD_HOST_LISTS_MAX),                                \
		GUARD_ITEMS(GUARD_RULES, GUARD_OPTIONAL, guard_policy_text, rules, rule_count,     \
			rule_fields, 0, STOQ_GUARD_RULES_MAX)

static const struct guard_field policy_fields[] = {
	GUARD_TEXT("version", GUARD_REQUIRED, guard_policy_text, version),
	GUARD_TEXT("mode", GUARD_OPTIONAL, guard_policy_text, mode),
	GUARD_TEXT("default", GUARD_REQUIRED, guard_policy_text, default_verdict),
	GUARD_TEXT("default-status", GUARD_OPTIONAL, guard_policy_text, default_status),
	GUARD_TEXT("unknown-host", GUARD_OPTIONAL, guard_policy_text, unknown_host),
	GUARD_TEXT("strict", GUARD_OPTIONAL, guard_policy_text, strict),
	GUARD_TEXT("clones", GUARD_OPTIONAL, guard_policy_text, clones),
	GUARD_ITEMS(GUARD_LIMITS, GUARD_OPTIONAL, guard_policy_text, limits, limit_count,
		limit_fields, 0, STOQ_LIMITS_MAX),
	SHARED_FIELDS,
	GUARD_FIELDS_END,
};

static const struct guard_field included_fields[] = {
	GUARD_TEXT("version", GUARD_REQUIRED, guard_policy_text, version),
	SHARED_FIELDS,
	GUARD_FIELDS_END,
};

/* ---- loading ---- */

struct tree {
	struct guard_policy_files *files;
	struct stoq_guard_texts *texts;
	bool read_more;
	struct stoq_guard_mistakes *mistakes;
};

static void refuse_include(struct tree *tree, struct guard_policy_file *by, size_t entry,
	const char *reason, const char *hint)
{
	tree->mistakes->unread = true;
	stoq_guard_mistakes_add(tree->mistakes, by->document.order, by->path,
		guard_document_list_place(&by->document, GUARD_INCLUDES, entry), hint,
		GUARD_INCLUDES ": %s", reason);
}

/* Names are relative to the folder of the file that they stand in. */
static char *resolve(const char *by, const char *name)
{
	const char *slash = strrchr(by, '/');
	size_t folder = name[0] != '/' && slash ? (size_t)(slash - by) + 1 : 0;
	size_t bytes = folder + strlen(name) + 1;
	char *path = malloc(bytes);

	if (path)
		snprintf(path, bytes, "%.*s%s", (int)folder, by, name);
	return path;
}

/* Makes sure that the text of the file that comes next is there. */
static bool has_text(
	struct tree *tree, struct guard_policy_file *by, size_t entry, const char *path)
{
	struct stoq_error why;

	if (tree->files->count < tree->texts->count)
		return true;
	if (!tree->read_more)
		refuse_include(tree, by, entry, "this policy has no other file", NULL);
	else if (stoq_guard_texts_read(tree->texts, "the included file", path, &why))
		refuse_include(tree, by, entry, why.text, NULL);
	else
		return true;
	return false;
}

static void load_file(struct tree *tree, char *path, size_t depth);

static void load_include(
	struct tree *tree, struct guard_policy_file *by, size_t entry, size_t depth)
{
	char *path = resolve(by->path, by->text.includes[entry]);

	if (!path)
		tree->mistakes->no_memory = true;
	else if (depth == GUARD_INCLUDE_DEPTH)
		refuse_include(tree, by, entry, "files are included more than 8 deep",
			"name the file further up");
	else if (has_text(tree, by, entry, path)) {
		load_file(tree, path, depth + 1);
		return;
	}
	free(path);
}

/* Takes path. Its own lists and rules stand behind those of what it includes. */
static void load_file(struct tree *tree, char *path, size_t depth)
{
	static const struct guard_document_kind own = {"a policy", GUARD_RULES, "rule"};
	static const struct guard_document_kind included = {
		"an included file", GUARD_RULES, "rule"};
	struct guard_policy_files *files = tree->files;
	size_t index = files->count++;
	struct guard_policy_file *file = &files->items[index];
	const struct stoq_guard_text *text = &tree->texts->items[index];

	file->path = path;
	file->included = depth > 0;
	file->document.file = path;
	file->document.order = index;
	file->document.kind = depth ? &included : &own;
	file->document.mistakes = tree->mistakes;
	if (!guard_document_open(&file->document, text->text, text->size))
		return;
	guard_document_load(&file->document, depth ? included_fields : policy_fields, &file->text);
	for (size_t i = 0; i < file->text.include_count; i++)
		if (file->text.includes[i])
			load_include(tree, file, i, depth);
	files->in_order[files->ordered++] = index;
}

struct guard_policy_files *guard_policy_files_load(const char *file, struct stoq_guard_texts *texts,
	bool read_more, struct stoq_guard_mistakes *mistakes)
{
	struct guard_policy_files *files = calloc(1, sizeof(*files));
	struct tree tree = {files, texts, read_more, mistakes};
	char *path = strdup(file);

	if (!files || !path) {
		free(files);
		free(path);
		return NULL;
	}
	load_file(&tree, path, 0);
	return files;
}

void guard_policy_files_free(struct guard_policy_files *files)
{
	for (size_t i = 0; files && i < files->count; i++) {
		struct guard_policy_file *file = &files->items[i];

		guard_document_free(policy_fields, &file->text);
		guard_document_close(&file->document);
		free(file->path);
	}
	free(files);
}
