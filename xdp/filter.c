// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ebpf/load_error.h"
#include "stoq_xdp.skel.h"

#define SECOND_NS 1000000000ull

struct stoq_xdp_filter {
	struct stoq_xdp_maps maps;
	enum stoq_xdp_mode mode;
	int native_refusal; /* why it is generic, a negative errno */
	int link_fd;	    /* holds the program, which holds the maps */
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

const char *stoq_xdp_mode_name(enum stoq_xdp_mode mode)
{
	switch (mode) {
	case STOQ_XDP_NATIVE:
		return "native";
	case STOQ_XDP_GENERIC:
		return "generic";
	default:
		return "native or generic";
	}
}

/* ---- the interface ---- */

/* Its ARPHRD_ type, or a negative errno. */
static int read_type(const char *interface)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;
	struct ifreq request = {0};

	if (fd < 0)
		return -errno;
	strncpy(request.ifr_name, interface, sizeof(request.ifr_name) - 1);
	result = ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : request.ifr_hwaddr.sa_family;
	close(fd);
	return result;
}

static int check_interface(const char *interface, unsigned int *ifindex, struct stoq_error *error)
{
	int type = read_type(interface);

	*ifindex = if_nametoindex(interface);
	if (!*ifindex || type < 0)
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

static int open_program(const struct stoq_xdp_filter_config *config, struct stoq_xdp_bpf **program,
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

/* Before the program is attached, so that it never reads half a configuration. */
static void configure(struct stoq_xdp_maps *maps, const struct stoq_xdp_filter_config *config)
{
	bool sealed = config->cid_key.words[0] || config->cid_key.words[1];

	*maps->config = (struct stoq_xdp_config){
		.layout = STOQ_XDP_LAYOUT,
		.flags = (config->refuse_connections ? 0 : STOQ_XDP_ACCEPT) |
			 (sealed ? STOQ_XDP_CHECK_CID : 0),
		.owner = (uint32_t)getpid(),
		.xsks_per_queue = config->xsks_per_queue,
		.handshake_timeout_ns = config->handshake_timeout_ns,
		.idle_timeout_ns = config->idle_timeout_ns,
		.closing_timeout_ns = config->closing_timeout_ns,
		.cid_key = config->cid_key,
	};
	for (int kind = 0; kind < STOQ_XDP_LIMITS; kind++)
		stoq_xdp_set_limit(maps, kind, &config->limits[kind]);
	for (size_t i = 0; config->ports && i < config->port_count; i++)
		stoq_xdp_set_port(maps, config->ports[i], true);
	if (!config->ports)
		stoq_xdp_set_port(maps, STOQ_XDP_DEFAULT_PORT, true);
}

/* ---- attaching ---- */

/* Which program is attached already, as far as our rights let us see. */
static int busy_error(const char *interface, struct stoq_error *error)
{
	struct stoq_xdp_maps maps;
	struct stoq_error reason;

	if (stoq_xdp_maps_find(&maps, interface, &reason))
		return stoq_error_set(error, -EBUSY,
			"%s has an XDP program already: %.400s. An interface takes one; `bpftool "
			"net` "
			"lists them",
			interface, reason.text);
	stoq_error_set(error, -EBUSY,
		"%s has an XDP filter already: that of another STOQ transport, process %u. An "
		"interface "
		"takes one; end that transport, or do without a filter",
		interface, maps.config->owner);
	stoq_xdp_maps_close(&maps);
	return -EBUSY;
}

/* What can be done about a driver that does not take the program. */
static const char *attach_advice(int code)
{
	switch (code) {
	case -EPERM:
		return "; CAP_NET_ADMIN is missing (run as root)";
	case -EOPNOTSUPP:
		return "; the driver has no native XDP, or none beside these offloads (ethtool -K: "
		       "lro and rx-gro-hw off). AF_XDP needs it; the filter alone can be generic";
	case -EINVAL:
	case -ERANGE:
	case -ENOSPC:
		return "; the driver does not take XDP with this MTU, these queues or these "
		       "offloads (try a smaller MTU, other queues: ethtool -L, LRO off: ethtool "
		       "-K)";
	}
	return "";
}

static int attach_error(
	const char *interface, enum stoq_xdp_mode mode, int code, struct stoq_error *error)
{
	if (code == -EBUSY || code == -EEXIST)
		return busy_error(interface, error);
	return stoq_error_set(error, code, "cannot attach the XDP filter to %s (%s): %s%s",
		interface, stoq_xdp_mode_name(mode), strerror(-code), attach_advice(code));
}

static int attach_as(struct stoq_xdp_filter *filter, int program_fd, unsigned int ifindex,
	enum stoq_xdp_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options,
		.flags = mode == STOQ_XDP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &options);

	if (fd < 0)
		return fd;
	filter->link_fd = fd;
	filter->mode = mode;
	return 0;
}

static int attach(struct stoq_xdp_filter *filter, int program_fd, unsigned int ifindex,
	const struct stoq_xdp_filter_config *config, struct stoq_error *error)
{
	enum stoq_xdp_mode mode =
		config->mode == STOQ_XDP_GENERIC ? STOQ_XDP_GENERIC : STOQ_XDP_NATIVE;
	int result = attach_as(filter, program_fd, ifindex, mode);

	if (result && config->mode == STOQ_XDP_NATIVE_ELSE_GENERIC && result != -EBUSY &&
		result != -EEXIST && result != -EPERM) {
		mode = STOQ_XDP_GENERIC;
		filter->native_refusal = result;
		result = attach_as(filter, program_fd, ifindex, mode);
	}
	return result ? attach_error(config->interface, mode, result, error) : 0;
}

static int start(struct stoq_xdp_filter *filter, const struct stoq_xdp_filter_config *config,
	unsigned int ifindex, struct stoq_error *error)
{
	struct stoq_xdp_bpf *program;
	int result = open_program(config, &program, error);

	if (result)
		return result;
	result = stoq_xdp_maps_take(&filter->maps, program->obj, error);
	if (result == 0) {
		configure(&filter->maps, config);
		result = attach(
			filter, bpf_program__fd(program->progs.stoq_xdp), ifindex, config, error);
		if (result)
			stoq_xdp_maps_close(&filter->maps);
	}
	stoq_xdp_bpf__destroy(program);
	return result;
}

int stoq_xdp_filter_open(const struct stoq_xdp_filter_config *config,
	struct stoq_xdp_filter **filter, struct stoq_error *error)
{
	unsigned int ifindex;
	int result = check_interface(config->interface, &ifindex, error);

	if (result)
		return result;
	*filter = calloc(1, sizeof(**filter));
	if (!*filter)
		return stoq_error_set(error, -ENOMEM, "out of memory");
	stoq_libbpf_log_start();
	result = start(*filter, config, ifindex, error);
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
	close(filter->link_fd); /* this detaches: the link has no other reference */
	stoq_xdp_maps_close(&filter->maps);
	free(filter);
}

struct stoq_xdp_maps *stoq_xdp_filter_maps(struct stoq_xdp_filter *filter)
{
	return &filter->maps;
}

enum stoq_xdp_mode stoq_xdp_filter_mode(const struct stoq_xdp_filter *filter)
{
	return filter->mode;
}

int stoq_xdp_filter_native_refusal(const struct stoq_xdp_filter *filter)
{
	return filter->native_refusal;
}

bool stoq_xdp_filter_is_attached(const struct stoq_xdp_filter *filter)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(filter->link_fd, &info, &size) == 0 && info.xdp.ifindex != 0;
}
