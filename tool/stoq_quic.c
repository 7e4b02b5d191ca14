// SPDX-License-Identifier: BSD-2-Clause
/* The verbs that need QUIC: what `stoq bench` and `stoq tunnel` run, see tool/elsewhere.h. */
#include <stddef.h>

#include "tool/bench/verb_bench.h"
#include "tool/message.h"
#include "tool/program.h"
#include "tool/tunnel/verb_tunnel.h"

static const struct tool_verb verbs[] = {
	{"bench", "measure what STOQ's parts do on this machine and this network", verb_bench},
	{"tunnel", "carry NVMe/TCP over QUIC, encrypted and authenticated", verb_tunnel},
	{NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
	const struct tool_verb *verb = argc > 1 ? tool_verb_find(verbs, argv[1]) : NULL;

	if (!verb)
		return tool_usage("stoq-quic is run by `stoq bench` and `stoq tunnel`");
	return tool_verb_run(verb, argc, argv);
}

int main(int argc, char **argv)
{
	return tool_program(argc, argv, run);
}
