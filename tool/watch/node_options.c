// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/node_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* "store1", "store1:9293", "192.0.2.7:9293", "2001:db8::7", "[2001:db8::7]:9293". */
static int take_address(struct watch_node_address *address, const char *option, const char *text,
	struct stoq_error *error)
{
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[', bare = colon && strchr(text, ':') != colon && !bracket;
	size_t length = strlen(text);
	uint64_t port = WATCH_NODE_PORT;

	if (bracket && colon && colon[-1] != ']')
		colon = NULL;
	if (colon && !bare)
		length = (size_t)(colon - text);
	if (bracket && length > 2 && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (!length || length >= sizeof(address->host) ||
		(colon && !bare && stoq_parse_number(colon + 1, 1, UINT16_MAX, &port)))
		return stoq_error_set(error, -EINVAL,
			"--%s: '%.80s' is not an address or a name, with or without a port: write it "
			"like store1:%u, 192.0.2.7 or [2001:db8::7]:%u",
			option, text, WATCH_NODE_PORT, WATCH_NODE_PORT);
	memcpy(address->host, text, length);
	address->host[length] = '\0';
	address->port = (uint16_t)port;
	return 0;
}

static int take_side(struct watch_node_options *options, const char *text, struct stoq_error *error)
{
	options->side_given = true;
	if (strcmp(text, "host") == 0)
		options->side = STOQ_JOIN_HOST;
	else if (strcmp(text, "target") == 0)
		options->side = STOQ_JOIN_TARGET;
	else
		return stoq_error_set(
			error, -EINVAL, "--side: '%.40s' is neither host nor target", text);
	return 0;
}

static int take_allowed(
	struct watch_node_options *options, const char *text, struct stoq_error *error)
{
	if (options->allowed_count == WATCH_NODE_ALLOWED)
		return stoq_error_set(
			error, -EINVAL, "--allow: at most %d can be given", WATCH_NODE_ALLOWED);
	options->allowed[options->allowed_count++] = text;
	return 0;
}

int watch_node_take(
	struct watch_node_options *options, int option, const char *text, struct stoq_error *error)
{
	switch (option) {
	case WATCH_OPTION_WITH:
		options->with = true;
		return take_address(&options->node, "with", text, error);
	case WATCH_OPTION_SERVE:
		options->serve = true;
		return take_address(
			&options->listen, "serve-record", text ? text : "127.0.0.1", error);
	case WATCH_OPTION_CERTIFICATES:
		options->certificates = text;
		return 0;
	case WATCH_OPTION_NAME:
		options->name = text;
		return 0;
	case WATCH_OPTION_ALLOW:
		return take_allowed(options, text, error);
	case WATCH_OPTION_MAP:
		return stoq_join_map_add(&options->maps, text, error);
	default:
		return take_side(options, text, error);
	}
}

const char *watch_node_flaw(const struct watch_node_options *options)
{
	if ((options->with || options->serve) && !options->certificates)
		return "--with and --serve-record need --certificates FOLDER: `stoq pki issue` makes "
		       "one for each node";
	if (options->certificates && !options->with && !options->serve)
		return "--certificates goes with --with or --serve-record";
	if (options->allowed_count && !options->serve)
		return "--allow goes with --serve-record";
	if (!options->with && (options->name || options->maps.count || options->side_given))
		return "--name, --map and --side go with --with";
	return NULL;
}
