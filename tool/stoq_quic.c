// SPDX-License-Identifier: BSD-2-Clause
/* The verbs that need QUIC: what `stoq bench` and `stoq tunnel` run, see tool/elsewhere.h, and what `stoq watch` starts to
 * serve its record, and to read that of another node: tool/watch/link.h. */
#include <stddef.h>

#include "tool/bench/verb_bench.h"
#include "tool/message.h"
#include "tool/program.h"
#ifdef STOQ_EBPF
#include "tool/records/verb_records.h"
#endif
#include "tool/tunnel/verb_tunnel.h"

static const struct tool_verb verbs[] = {
	{"bench", "measure what STOQ's parts do on this machine and this network", verb_bench},
	{"tunnel", "carry NVMe/TCP over QUIC, encrypted and authenticated", verb_tunnel},
#ifdef STOQ_EBPF
	{"records", "carry the record of a watch to another node", verb_records},
#endif
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
