// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/load_error.h"
#include "hook/link.h"
#include "stoq_xdp.skel.h"
#include "stoq_xdp_tc.skel.h"
#include "xdp/hook.h"

#define SECOND_NS 1000000000ull

struct stoq_xdp_filter {
	struct stoq_xdp_maps maps;
	struct stoq_xdp_hook hook;
	char why[160];
};

void stoq_xdp_filter_config_init(struct stoq_xdp_filter_config *config)
{
	*config = (struct stoq_xdp_filter_config){
		.limits =
			{
				[STOQ_XDP_LIMIT_SOURCE] = {.per_second = 100, .burst = 100},
				[STOQ_XDP_LIMIT_TOTAL] = {.per_second = 2000, .burst = 500},
				[STOQ_XDP_LIMIT_UNPROVEN] = {.per_second = 1000, .burst = 200},
			},
		.idle_timeout_ns = 600 * SECOND_NS,
		.handshake_timeout_ns = 10 * SECOND_NS,
		.closing_timeout_ns = 3 * SECOND_NS,
		.xsk_count = STOQ_XDP_XSKS,
		.xsks_per_queue = 1,
	};
}

/* ---- the interface ---- */

static int check_interface(const char *interface, struct stoq_error *error)
{
	int type = stoq_link_type(interface);

	if (!if_nametoindex(interface) || type < 0)
		return stoq_error_set(error, -ENODEV, "there is no interface %s", interface);
	if (type == ARPHRD_LOOPBACK)
		return stoq_error_set(error, -EOPNOTSUPP,
			"no XDP filter on %s: loopback has no native XDP, and programs for packets "
			"in several "
			"buffers crash some kernels there. It needs no filter: its packets are "
			"local",
			interface);
	if (type != ARPHRD_ETHER)
		return stoq_error_set(error, -EOPNOTSUPP,
			"no XDP filter on %s: it is no Ethernet interface, and the filter reads "
			"Ethernet frames. Put it on the interface below, which carries these "
			"packets",
			interface);
	return 0;
}

/* ---- loading ---- */

/* Whether the kernel knows programs for packets in several buffers (5.18). */
static bool has_frags(void)
{
	/* return XDP_PASS */
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = BPF_F_XDP_HAS_FRAGS);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "stoq_xdp_frags", "GPL", program, 2, &options);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int load_xdp(const struct stoq_xdp_filter_config *config, struct stoq_xdp_bpf **program,
	struct stoq_error *error)
{
	bool frags = has_frags();
	int result;

	*program = stoq_xdp_bpf__open();
	if (!*program)
		return stoq_load_error(error, -errno, "CONFIG_XDP_SOCKETS");
	(*program)->rodata->stoq_xdp_frags = frags;
	if (frags)
		bpf_program__set_flags((*program)->progs.stoq_xdp, BPF_F_XDP_HAS_FRAGS);
	bpf_map__set_max_entries((*program)->maps.stoq_xdp_xsks, config->xsk_count);
	result = stoq_xdp_bpf__load(*program);
	if (result) {
		stoq_xdp_bpf__destroy(*program);
		stoq_load_error(error, result, "CONFIG_XDP_SOCKETS");
	}
	return result;
}

static int load_tc(struct stoq_xdp_tc_bpf **program, struct stoq_error *error)
{
	int result;

	*program = stoq_xdp_tc_bpf__open();
	if (!*program)
		return stoq_load_error(error, -errno, "CONFIG_NET_CLS_ACT");
	result = stoq_xdp_tc_bpf__load(*program);
	if (result) {
		stoq_xdp_tc_bpf__destroy(*program);
		stoq_load_error(error, result, "CONFIG_NET_CLS_ACT");
	}
	return result;
}

/* Before the program is attached, so that it never reads half a configuration. */
static void configure(struct stoq_xdp_maps *maps, const struct stoq_xdp_filter_config *config)
{
	bool sealed = config->cid_key.words[0] || config->cid_key.words[1];

	*maps->config = (struct stoq_xdp_config){
		.layout = STOQ_XDP_LAYOUT,
		.flags = (config->refuse_connections ? 0 : STOQ_XDP_ACCEPT) |
			 (sealed ? STOQ_XDP_CHECK_CID : 0) |
			 (config->one_address ? STOQ_XDP_ONE_ADDRESS : 0),
		.owner = (uint32_t)getpid(),
		.xsks_per_queue = config->xsks_per_queue,
		.handshake_timeout_ns = config->handshake_timeout_ns,
		.idle_timeout_ns = config->idle_timeout_ns,
		.closing_timeout_ns = config->closing_timeout_ns,
		.cid_key = config->cid_key,
	};
	memcpy(maps->config->local, config->local, sizeof(maps->config->local));
	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++)
		stoq_xdp_set_limit(maps, kind, &config->limits[kind]);
	for (size_t i = 0; config->ports && i < config->port_count; i++)
		stoq_xdp_set_port(maps, config->ports[i], true);
	if (!config->ports)
		stoq_xdp_set_port(maps, STOQ_XDP_DEFAULT_PORT, true);
}

/* ---- attaching ---- */

static int start_xdp(struct stoq_xdp_filter *filter, const struct stoq_xdp_filter_config *config,
	enum stoq_xdp_mode mode, struct stoq_error *error)
{
	struct stoq_xdp_bpf *program;
	int result = load_xdp(config, &program, error);

	if (result)
		return result;
	result = stoq_xdp_maps_take(&filter->maps, program->obj, error);
	if (result == 0) {
		configure(&filter->maps, config);
		result = stoq_xdp_hook_attach_xdp(&filter->hook, config->interface,
			bpf_program__fd(program->progs.stoq_xdp), mode, error);
		if (result)
			stoq_xdp_maps_close(&filter->maps);
	}
	stoq_xdp_bpf__destroy(program);
	return result;
}

static int start_tc(struct stoq_xdp_filter *filter, const struct stoq_xdp_filter_config *config,
	struct stoq_error *error)
{
	struct stoq_xdp_tc_bpf *program;
	struct stoq_xdp_tc_programs programs;
	int result = load_tc(&program, error);

	if (result)
		return result;
	result = stoq_xdp_maps_take(&filter->maps, program->obj, error);
	if (result == 0) {
		configure(&filter->maps, config);
		programs = (struct stoq_xdp_tc_programs){
			.filter_fd = bpf_program__fd(program->progs.stoq_xdp_tc),
			.entry_fd = bpf_program__fd(program->progs.stoq_entry),
			.alive_fd = bpf_map__fd(program->maps.stoq_alive),
		};
		result = stoq_xdp_hook_attach_tc(
			&filter->hook, config->interface, &programs, config->force_clsact, error);
		if (result)
			stoq_xdp_maps_close(&filter->maps);
	}
	stoq_xdp_tc_bpf__destroy(program);
	return result;
}

static int start_at(struct stoq_xdp_filter *filter, const struct stoq_xdp_filter_config *config,
	enum stoq_xdp_mode mode, struct stoq_error *error)
{
	return mode == STOQ_XDP_TC ? start_tc(filter, config, error)
				   : start_xdp(filter, config, mode, error);
}

/* What the interface's driver is best with; if that fails, the other one. */
static int start_auto(struct stoq_xdp_filter *filter, const struct stoq_xdp_filter_config *config,
	struct stoq_error *error)
{
	enum stoq_xdp_mode first = stoq_xdp_mode_of(config->interface);
	enum stoq_xdp_mode second = first == STOQ_XDP_TC ? STOQ_XDP_NATIVE : STOQ_XDP_TC;
	int result = start_at(filter, config, first, error), code = result;

	if (first == STOQ_XDP_TC)
		snprintf(filter->why, sizeof(filter->why),
			"its driver turns offloads off for an XDP program");
	if (!result || result == -EBUSY || result == -EPERM)
		return result;
	snprintf(filter->why, sizeof(filter->why), "it does not take %s here: %s",
		stoq_xdp_mode_text(first), strerror(-code));
	return start_at(filter, config, second, error);
}

int stoq_xdp_filter_open(const struct stoq_xdp_filter_config *config,
	struct stoq_xdp_filter **filter, struct stoq_error *error)
{
	int result = check_interface(config->interface, error);

	if (result)
		return result;
	result = stoq_xdp_hook_check_free(config->interface, error);
	if (result)
		return result;
	*filter = calloc(1, sizeof(**filter));
	if (!*filter)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	stoq_libbpf_log_start();
	result = config->mode == STOQ_XDP_AUTO ? start_auto(*filter, config, error)
					       : start_at(*filter, config, config->mode, error);
	if (result) {
		free(*filter);
		*filter = NULL;
	}
	return result;
}

void stoq_xdp_filter_close(struct stoq_xdp_filter *filter)
{
	if (!filter)
		return;
	stoq_xdp_hook_detach(&filter->hook);
	stoq_xdp_maps_close(&filter->maps);
	free(filter);
}

struct stoq_xdp_maps *stoq_xdp_filter_maps(struct stoq_xdp_filter *filter)
{
	return &filter->maps;
}

enum stoq_xdp_mode stoq_xdp_filter_mode(const struct stoq_xdp_filter *filter)
{
	return filter->hook.mode;
}

const char *stoq_xdp_filter_why(const struct stoq_xdp_filter *filter)
{
	return filter->why;
}

bool stoq_xdp_filter_is_attached(const struct stoq_xdp_filter *filter)
{
	return stoq_xdp_hook_is_attached(&filter->hook);
}
