// SPDX-License-Identifier: BSD-2-Clause
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoq/version.h>
#include <string.h>

#include "tool/elsewhere.h"
#include "tool/guard/verb_guard.h"
#include "tool/join/verb_join.h"
#include "tool/message.h"
#include "tool/pki/verb_pki.h"
#include "tool/probe/verb_probe.h"
#include "tool/program.h"
#include "tool/record/verb_record.h"
#include "tool/target/verb_target.h"
#include "tool/verb.h"
#include "tool/watch/verb_watch.h"
#include "tool/xdp/verb_xdp.h"

static const struct tool_verb verbs[] = {
#ifdef STOQ_EBPF
	{"watch", "see every NVMe/TCP command that passes an interface", verb_watch},
	{"record", "records of commands for other programs: CSV, fio", verb_record},
	{"join", "where the time of commands goes, by a record of each end", verb_join},
	{"guard", "refuse NVMe/TCP commands in the kernel, by a policy", verb_guard},
	{"xdp", "see and set the XDP filters of running transports", verb_xdp},
#endif
	{"bench", "measure what STOQ's parts do on this machine and this network", verb_elsewhere},
	{"probe", "what this machine can do, and what to do about each \"no\"", verb_probe},
	{"target", "start, stop and show NVMe/TCP targets: SPDK or the kernel's nvmet",
		verb_target},
	{"tunnel", "carry NVMe/TCP over QUIC, encrypted and authenticated", verb_elsewhere},
	{"pki", "a small private authority for the certificates of STOQ's nodes", verb_pki},
	{NULL, NULL, NULL},
};

static const char help[] =
#include "stoq.help.h"
	;

/* What a build without eBPF lacks, though the manuals have it. */
static bool needs_ebpf(const char *name)
{
	return strcmp(name, "watch") == 0 || strcmp(name, "guard") == 0 ||
	       strcmp(name, "xdp") == 0 || strcmp(name, "join") == 0 || strcmp(name, "record") == 0;
}

static int print_help(void)
{
	tool_help(help);
	printf("\nVERBS\n");
	for (const struct tool_verb *verb = verbs; verb->name; verb++)
		printf("  %-8s  %s\n", verb->name, verb->summary);
	printf("\n`stoq VERB --help` explains a verb; `man stoq-VERB` is its manual.\n");
	return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct tool_verb *verb;

	if (!name)
		return tool_usage("which verb? For example `stoq target status`");
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		printf("stoq %s\n", STOQ_VERSION);
		return EXIT_SUCCESS;
	}
	verb = tool_verb_find(verbs, name);
	if (!verb && needs_ebpf(name))
		return tool_usage(
			"this stoq was built without eBPF (-DSTOQ_EBPF=OFF) and has no verb '%s'",
			name);
	if (!verb)
		return tool_usage("there is no verb '%.40s'", name);
	return tool_verb_run(verb, argc, argv);
}

int main(int argc, char **argv)
{
	return tool_program(argc, argv, run);
}
