// SPDX-License-Identifier: BSD-2-Clause
/*
 * guard-hostile: a host with a TCP of its own tries to write what a policy denies. Started by
 * tests/guard-hostile/run in the network namespace of a veth's end.
 */
#include <getopt.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "tests/guard-hostile/lab.h"
#include "tests/peer/target.h"

static const char usage[] =
	"usage: guard-hostile --interface NAME --target-netns PATH [options] GROUP|CASE...\n"
	"  --target-mac MAC        the target's end of the veth\n"
	"  --medium ADDRESS:PORT   the target, as seen in its namespace (127.0.0.1:4420)\n"
	"  --subsystem NQN         (" PEER_DEFAULT_NQN ")\n"
	"  --ipv6                  connect over IPv6\n"
	"  --digests               connections have digests\n"
	"  --reads-like WAY        of the target: peer (default), spdk, nvmet\n"
	"  --guard-on, --guard-off COMMAND\n"
	"                          for cases that are older than a guard\n"
	"  --guarded               a guard is on: no denied write may reach the medium. Else each\n"
	"                          that should reach it must, or the case shows nothing\n"
	"  --except CASE           not this one; repeatable\n"
	"  --list                  name the cases\n"
	"From 192.0.2.1 or fd00::1 to port 4420 of 192.0.2.2 or fd00::2.\n";

#define EXCEPT_MAX 64

struct options {
	const char *interface, *netns, *medium, *mac;
	const char *except[EXCEPT_MAX];
	size_t except_count;
	bool list;
	enum case_target target;
};

static const struct option long_options[] = {
	{"interface", required_argument, NULL, 'i'},
	{"target-netns", required_argument, NULL, 'n'},
	{"target-mac", required_argument, NULL, 'm'},
	{"medium", required_argument, NULL, 'M'},
	{"subsystem", required_argument, NULL, 's'},
	{"ipv6", no_argument, NULL, '6'},
	{"digests", no_argument, NULL, 'd'},
	{"reads-like", required_argument, NULL, 'r'},
	{"guarded", no_argument, NULL, 'g'},
	{"guard-on", required_argument, NULL, 'o'},
	{"guard-off", required_argument, NULL, 'f'},
	{"except", required_argument, NULL, 'x'},
	{"list", no_argument, NULL, 'l'},
	{0},
};

static const struct {
	const char *name;
	const struct hostile_case *cases;
} groups[] = {
	{"pdu", cases_pdu},
	{"tcp", cases_tcp},
	{"unseen", cases_unseen},
	{"side", cases_side},
	{"reuse", cases_reuse},
	{"link", cases_link},
	{"options", cases_options},
	{"table", cases_table},
	{"honest", cases_honest},
};

static struct lab lab;

static bool parse_way(struct options *options, const char *text)
{
	static const char *const ways[] = {
		[CASE_ALL] = "peer", [CASE_SPDK] = "spdk", [CASE_NVMET] = "nvmet"};

	for (int i = 0; i <= CASE_NVMET; i++) {
		if (strcmp(text, ways[i]) == 0) {
			options->target = i;
			return true;
		}
	}
	return false;
}

static bool parse_option(struct options *options, int option, const char *text)
{
	switch (option) {
	case 'i':
		options->interface = text;
		return true;
	case 'n':
		options->netns = text;
		return true;
	case 'm':
		options->mac = text;
		return true;
	case 'M':
		options->medium = text;
		return true;
	case 's':
		lab.subsystem = text;
		return true;
	case '6':
		lab.ipv6 = true;
		return true;
	case 'd':
		lab.digests = true;
		return true;
	case 'r':
		return parse_way(options, text);
	case 'g':
		lab.guarded = true;
		return true;
	case 'o':
		lab.guard_on = text;
		return true;
	case 'f':
		lab.guard_off = text;
		return true;
	case 'x':
		if (options->except_count == EXCEPT_MAX)
			return false;
		options->except[options->except_count++] = text;
		return true;
	case 'l':
		options->list = true;
		return true;
	default:
		return false;
	}
}

static bool parse_mac(uint8_t mac[6], const char *text)
{
	return text && ether_aton_r(text, (struct ether_addr *)mac);
}

static bool prepare(const struct options *options)
{
	static const uint8_t ours[6] = {0x02, 0, 0, 0, 0, 0x01};
	struct packet *form = &lab.tap.form;
	struct stoq_error error;

	form->ipv6 = lab.ipv6;
	form->window = 0xffff;
	form->destination_port = NVME_TCP_PORT;
	memcpy(form->source_mac, ours, sizeof(ours));
	inet_pton(lab.ipv6 ? AF_INET6 : AF_INET, lab.ipv6 ? "fd00::1" : "192.0.2.1", form->source);
	inet_pton(lab.ipv6 ? AF_INET6 : AF_INET, lab.ipv6 ? "fd00::2" : "192.0.2.2",
		form->destination);
	if (!options->interface || !options->netns ||
		!parse_mac(form->destination_mac, options->mac)) {
		fputs(usage, stderr);
		return false;
	}
	if (tap_open(&lab.tap, options->interface, &error) ||
		medium_open(&lab.medium, options->netns, options->medium, lab.subsystem, &error)) {
		fprintf(stderr, "guard-hostile: %s\n", error.text);
		return false;
	}
	return true;
}

/* ---- cases ---- */

static bool reaches_alone(const struct options *options, const struct hostile_case *one)
{
	return one->target == CASE_ALL ||
	       (one->target == options->target && options->target != CASE_ALL);
}

/* What became of a case: NULL if it is as it should be. */
static const char *verdict(
	const struct options *options, const struct hostile_case *one, uint64_t changed)
{
	if (lab.problem)
		return lab.problem;
	if (lab.skipped)
		return NULL;
	if (one->target == CASE_HONEST)
		return changed ? "an honest case changed the protected namespace" : NULL;
	if (lab.guarded)
		return changed ? "REACHED THE MEDIUM" : NULL;
	return changed ? NULL : "reaches nothing without a guard either: the case shows nothing";
}

static bool run_case(
	const struct options *options, const char *group, const struct hostile_case *one)
{
	uint64_t changed = 0, first = 0;
	struct stoq_error error;
	const char *bad;

	lab.problem = lab.skipped = NULL;
	lab.slba = (lab.slba + 40) % 1024 + 16;
	lab.way = one->way;
	lab.may_fail_to_open = false;
	lab.honest = one->target == CASE_HONEST;
	one->run(&lab);
	if (lab.queue.raw.received)
		raw_wait(&lab.queue.raw, 100); /* the target does what it was told */
	lab_close(&lab);
	if (medium_check(&lab.medium, &changed, &first, &error)) {
		printf("FAILED  %s/%s: the medium cannot be read: %s\n", group, one->name,
			error.text);
		return false;
	}
	bad = verdict(options, one, changed);
	printf("%s  %s/%s: %s",
		bad	      ? "FAILED"
		: lab.skipped ? "skipped"
			      : "ok    ",
		group, one->name, one->text);
	if (lab.skipped)
		printf(": %s", lab.skipped);
	if (bad)
		printf(": %s", bad);
	if (changed)
		printf(" (%llu blocks changed, the last one is %llu)", (unsigned long long)changed,
			(unsigned long long)first);
	putchar('\n');
	fflush(stdout);
	return !bad;
}

static bool is_wanted(
	const struct options *options, const char *group, const char *name, int argc, char **argv)
{
	for (size_t i = 0; i < options->except_count; i++)
		if (strcmp(options->except[i], name) == 0)
			return false;
	for (int i = optind; i < argc; i++)
		if (strcmp(argv[i], group) == 0 || strcmp(argv[i], name) == 0)
			return true;
	return optind == argc;
}

static int run_all(const struct options *options, int argc, char **argv)
{
	unsigned int tried = 0, failed = 0;

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		for (const struct hostile_case *one = groups[g].cases; one->name; one++) {
			if (!is_wanted(options, groups[g].name, one->name, argc, argv))
				continue;
			if (options->list) {
				printf("%s/%s: %s\n", groups[g].name, one->name, one->text);
				continue;
			}
			/* Without a guard they show nothing, and real targets may not survive them.
			 */
			if (!lab.guarded && one->target != CASE_HONEST &&
				!reaches_alone(options, one))
				continue;
			tried++;
			failed += !run_case(options, groups[g].name, one);
		}
	}
	if (options->list)
		return 0;
	printf("%u cases%s, %u failed\n", tried, lab.guarded ? "" : " without a guard", failed);
	return failed || !tried;
}

int main(int argc, char **argv)
{
	struct options options = {.medium = "127.0.0.1:4420"};
	int option, status;

	lab.subsystem = PEER_DEFAULT_NQN;
	lab.random = (uint32_t)stoq_clock_now_ns();
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (!parse_option(&options, option, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (options.list)
		return run_all(&options, argc, argv);
	if (!prepare(&options))
		return 2;
	status = run_all(&options, argc, argv);
	medium_close(&lab.medium);
	tap_close(&lab.tap);
	return status;
}
