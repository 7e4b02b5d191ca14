// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/bench/verb_bench.h"
#include "tool/guard/verb_guard.h"
#include "tool/message.h"
#include "tool/pki/verb_pki.h"
#include "tool/probe/verb_probe.h"
#include "tool/target/verb_target.h"
#include "tool/tunnel/verb_tunnel.h"
#include "tool/verb.h"
#include "tool/watch/verb_watch.h"
#include "tool/xdp/verb_xdp.h"

static const struct tool_verb verbs[] = {
#ifdef STOQ_EBPF
	{"watch", "see every NVMe/TCP command that passes an interface", verb_watch},
	{"guard", "refuse NVMe/TCP commands in the kernel, by a policy", verb_guard},
	{"xdp", "see and set the XDP filters of running transports", verb_xdp},
#endif
	{"bench", "measure what STOQ's parts do on this machine and this network", verb_bench},
	{"probe", "what this machine can do, and what to do about each \"no\"", verb_probe},
	{"target", "start, stop and show NVMe/TCP targets: SPDK or the kernel's nvmet",
		verb_target},
	{"tunnel", "carry NVMe/TCP over QUIC, encrypted and authenticated", verb_tunnel},
	{"pki", "a small private authority for the certificates of STOQ's nodes", verb_pki},
	{NULL, NULL, NULL},
};

static const char help[] =
#include "stoq.help.h"
	;

static const struct tool_verb *find_verb(const char *name)
{
	for (const struct tool_verb *verb = verbs; verb->name; verb++) {
		if (strcmp(verb->name, name) == 0)
			return verb;
	}
	return NULL;
}

/* What a build without eBPF lacks, though the manuals have it. */
static bool needs_ebpf(const char *name)
{
	return strcmp(name, "watch") == 0 || strcmp(name, "guard") == 0 || strcmp(name, "xdp") == 0;
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

/*
 * What was closed must not become a file or a socket of ours, into which messages would go. Opened
 * the wrong way round, so that its use fails as it would have.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Output that did not arrive is a failure. */
static int finish(int status)
{
	int failed = fflush(stdout) ? errno : 0;

	if (!failed && !ferror(stdout))
		return status;
	tool_notice(
		"cannot write the output%s%s", failed ? ": " : "", failed ? strerror(failed) : "");
	return status ? status : EXIT_FAILURE;
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
	verb = find_verb(name);
	if (!verb && needs_ebpf(name))
		return tool_usage(
			"this stoq was built without eBPF (-DSTOQ_EBPF=OFF) and has no verb '%s'",
			name);
	if (!verb)
		return tool_usage("there is no verb '%.40s'", name);
	argv[1] = tool_message_begin_with(verb->name);
	return verb->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	return finish(run(argc, argv));
}
