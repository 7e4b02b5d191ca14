// SPDX-License-Identifier: BSD-2-Clause
#include "tool/records/verb_records.h"
#include "tool/records/fetch.h"
#include "tool/records/serve.h"

#include <signal.h>
#include <stddef.h>

#include "tool/command.h"
#include "tool/message.h"

int verb_records(int argc, char **argv)
{
	static const struct tool_command commands[] = {
		{"serve", records_serve}, {"fetch", records_fetch}, {NULL, NULL}};

	tool_message_begin_with("watch");
	/* Ctrl-C is for the watch, whose end is ours. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return tool_run_command(
		argc, argv, "stoq-quic records is run by `stoq watch`\n", commands, "serve, fetch");
}
