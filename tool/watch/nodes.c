// SPDX-License-Identifier: BSD-2-Clause
#include "tool/watch/nodes.h"

#include <errno.h>

#include "record/writer_socket.h"
#include "tool/message.h"
#include "tool/watch/joined.h"
#include "tool/watch/options.h"
#include "tool/watch/recorder.h"

static int serve(struct watch_nodes *nodes, const struct watch_options *options,
	struct watch_recorder *recorder, struct stoq_error *error)
{
	int result = watch_link_serve(&nodes->served, &nodes->writer, &options->node, error);

	if (result)
		return result;
	watch_recorder_serve(recorder, nodes->writer);
	tool_notice("the record is served at %s, port %u", options->node.listen.host,
		options->node.listen.port);
	return 0;
}

static int join(struct watch_nodes *nodes, const struct watch_options *options,
	struct watch_recorder *recorder, struct stoq_error *error)
{
	int result = watch_link_fetch(&nodes->fetched, &options->node, error);

	if (!result)
		result = watch_joined_open(&nodes->joined, options, &nodes->fetched, error);
	if (!result)
		watch_recorder_join(recorder, nodes->joined);
	return result;
}

int watch_nodes_open(struct watch_nodes *nodes, const struct watch_options *options,
	struct watch_recorder *recorder, struct stoq_error *error)
{
	int result = 0;

	if (options->node.serve)
		result = serve(nodes, options, recorder, error);
	if (!result && options->node.with)
		result = join(nodes, options, recorder, error);
	return result;
}

int watch_nodes_flush(struct watch_nodes *nodes, struct watch_recorder *recorder, bool *over,
	struct stoq_error *error)
{
	bool ended;

	if (watch_link_has_news(&nodes->served, &ended))
		stoq_record_forget_connections(nodes->writer);
	/* The writer would notice with the next command, which may be long in coming. */
	if (ended)
		return stoq_error_set(error, -EPIPE,
			"the record is not served any more: the program that does so has ended");
	if (nodes->joined && !watch_joined_works(nodes->joined))
		*over = true;
	return watch_recorder_flush(recorder, error);
}

int watch_nodes_close(
	struct watch_nodes *nodes, struct watch_report *report, struct stoq_error *error)
{
	int result = watch_joined_close(nodes->joined, report, error);

	watch_link_close(&nodes->fetched);
	watch_link_close(&nodes->served);
	return result;
}
