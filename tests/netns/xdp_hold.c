// SPDX-License-Identifier: BSD-2-Clause

/*
 * xdp-hold INTERFACE [native|generic|tc] [clsact] [sealed] [ADDRESS] [PORT...]: a filter in front of nothing, as
 * a transport would hold it, until the process is ended. "clsact": at tc as if there were no tcx;
 * "sealed": connection IDs with the key that xdp-flood knows. Prints its place once it is attached.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "tests/netns/xdp_key.h"
#include "xdp/filter.h"
#include "xdp/prefix.h"

#define PORTS_MAX 16

static uint16_t ports[PORTS_MAX];

static void take_address(
	struct stoq_xdp_filter_config *config, const struct stoq_xdp_prefix *address)
{
	config->one_address = true;
	memcpy(config->local, address->address, sizeof(config->local));
}

/* 0: understood. */
static int take(struct stoq_xdp_filter_config *config, const char *word)
{
	struct stoq_xdp_prefix address;
	uint64_t port;

	if (strcmp(word, "native") == 0)
		config->mode = STOQ_XDP_NATIVE;
	else if (strcmp(word, "tc") == 0)
		config->mode = STOQ_XDP_TC;
	else if (strcmp(word, "clsact") == 0)
		config->force_clsact = true;
	else if (strcmp(word, "generic") == 0)
		config->mode = STOQ_XDP_GENERIC;
	else if (strcmp(word, "sealed") == 0)
		config->cid_key = xdp_test_key;
	else if (stoq_xdp_prefix_parse(&address, word, NULL) == 0 && address.bits == 128)
		take_address(config, &address);
	else if (stoq_parse_number(word, 1, 65535, &port) == 0 && config->port_count < PORTS_MAX)
		ports[config->port_count++] = (uint16_t)port;
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct stoq_xdp_filter_config config;
	struct stoq_xdp_filter *filter;
	struct stoq_error error;

	stoq_xdp_filter_config_init(&config);
	config.interface = argc > 1 ? argv[1] : "";
	for (int i = 2; i < argc; i++)
		if (take(&config, argv[i])) {
			fprintf(stderr, "xdp-hold: what is '%s'?\n", argv[i]);
			return 2;
		}
	if (config.port_count)
		config.ports = ports;
	if (stoq_xdp_filter_open(&config, &filter, &error)) {
		fprintf(stderr, "xdp-hold: %s\n", error.text);
		return 1;
	}
	puts(stoq_xdp_mode_name(stoq_xdp_filter_mode(filter)));
	fflush(stdout);
	/* Until whoever started this closes its end, or ends it. */
	while (getchar() != EOF)
		;
	stoq_xdp_filter_close(filter);
	return 0;
}
