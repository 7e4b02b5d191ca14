// SPDX-License-Identifier: BSD-2-Clause
#include "tool/join/verb_join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "join/render.h"
#include "join/render_json.h"
#include "tool/message.h"
#include "tool/options.h"
#include "tool/output.h"

#define WIDTH_DEFAULT 100

static const char help[] =
#include "stoq-join.help.h"
	;

enum { OPTION_JSON = TOOL_OPTION_FIRST, OPTION_MAP };

static const struct option long_options[] = {
	TOOL_OPTION_HELP,
	{"json", no_argument, NULL, OPTION_JSON},
	{"map", required_argument, NULL, OPTION_MAP},
	{0},
};

struct request {
	struct stoq_join_maps maps;
	bool json;
};

static int take_option(void *context, int option, const char *text, struct stoq_error *error)
{
	struct request *request = context;

	if (option == OPTION_MAP)
		return stoq_join_map_add(&request->maps, text, error);
	request->json = true;
	return 0;
}

static int print(const struct request *request, const struct stoq_join *join,
	const struct stoq_join_names *names, struct stoq_error *error)
{
	char *text;

	if (!request->json) {
		stoq_join_render(stdout, join, names, tool_output_width(WIDTH_DEFAULT));
		return 0;
	}
	text = stoq_join_render_json(join, names);
	if (!text)
		return stoq_error_set(error, -ENOMEM, "no memory for the report");
	puts(text);
	free(text);
	return 0;
}

/* Both files of one record have its number. */
static int check_sides(
	struct stoq_record_reader *const *readers, char *const *files, struct stoq_error *error)
{
	if (stoq_record_id(readers[STOQ_JOIN_HOST]) != stoq_record_id(readers[STOQ_JOIN_TARGET]))
		return 0;
	return stoq_error_set(error, -EINVAL,
		"%s and %s are the same record: give the one of the host and the one of the target",
		files[STOQ_JOIN_HOST], files[STOQ_JOIN_TARGET]);
}

static void say_what_maps_fit(const struct stoq_join_maps *maps, const char *host)
{
	for (size_t i = 0; i < maps->count; i++)
		if (!maps->items[i].fits)
			tool_notice(
				"--map %s fits no connection in %s: what stands before the = is "
				"the address in that record",
				maps->items[i].text, host);
}

static int no_match(const struct stoq_join *join, char *const *files, struct stoq_error *error)
{
	if (join->alone[STOQ_JOIN_HOST].longer)
		return stoq_error_set(error, -ENOENT,
			"every command took longer at the target than at the host: is %s the "
			"target's record? Then give it second",
			files[STOQ_JOIN_HOST]);
	return stoq_error_set(error, -ENOENT,
		"no command is in both records: were they taken of the same traffic, at the same "
		"time?");
}

static int join_files(struct request *request, char *const *files, struct stoq_error *error)
{
	struct stoq_record_reader *readers[STOQ_JOIN_SIDES] = {NULL, NULL};
	struct stoq_join_names names = {0};
	struct stoq_join join = {0};
	int result = 0;

	for (int side = 0; !result && side < STOQ_JOIN_SIDES; side++)
		result = stoq_record_open(&readers[side], files[side], error);
	if (!result)
		result = check_sides(readers, files, error);
	if (!result)
		result = stoq_join_run(
			&join, readers, &request->maps, STOQ_JOIN_ROOM_DEFAULT, error);
	for (int side = 0; !result && side < STOQ_JOIN_SIDES; side++) {
		names.files[side] = files[side];
		names.nodes[side] = stoq_record_node(readers[side]);
		names.notes[side] = *stoq_record_notes(readers[side]);
	}
	if (!result)
		result = print(request, &join, &names, error);
	if (!result)
		say_what_maps_fit(&request->maps, files[STOQ_JOIN_HOST]);
	if (!result && !stoq_join_matched(&join))
		result = no_match(&join, files, error);
	stoq_join_free(&join);
	for (int side = 0; side < STOQ_JOIN_SIDES; side++)
		stoq_record_close(readers[side]);
	return result;
}

int verb_join(int argc, char **argv)
{
	const struct tool_options known = {long_options, help, take_option};
	static struct request request;
	struct stoq_error error;
	int status;

	request = (struct request){0};
	if (tool_options_parse(&known, &request, argc, argv, &status))
		return status;
	if (argc - optind != STOQ_JOIN_SIDES)
		return tool_usage("which records? Give the host's and the target's: stoq join "
				  "HOST.rec TARGET.rec");
	return join_files(&request, argv + optind, &error) ? tool_fail(&error) : EXIT_SUCCESS;
}
