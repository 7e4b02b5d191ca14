// SPDX-License-Identifier: BSD-2-Clause
#include "hook/fq.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "netlink/request.h"

#define REQUEST_BYTES 1024
#define OUR_MAJOR     0x7374u /* "st", as in the handles of our filters */
#define OUR_HANDLE    (OUR_MAJOR << 16)
#define PACKETS                                                                                    \
	1000000 /* in all, and of a connection: TCP bounds what it has in a qdisc by itself */
#define FLOW_PACKETS	   100000
#define DRAIN_STEP_NS	   (20 * 1000 * 1000)
/* What an operator's fq must have room for. */
#define PACKETS_LEAST	   10000
#define FLOW_PACKETS_LEAST 4096
#define HORIZON_LEAST_US   9000000

/* A qdisc as the kernel describes it. */
struct qdisc {
	char kind[32];
	uint32_t handle, parent;
	uint32_t packets, flow_packets, horizon_us; /* of an fq; 0: not there */
	bool horizon_drops;
	struct stoq_fq_counts counts;
};

/* ---- asking ---- */

static int take_option(const struct nlattr *attribute, void *context)
{
	struct qdisc *qdisc = context;

	switch (mnl_attr_get_type(attribute)) {
	case TCA_FQ_PLIMIT:
		qdisc->packets = mnl_attr_get_u32(attribute);
		break;
	case TCA_FQ_FLOW_PLIMIT:
		qdisc->flow_packets = mnl_attr_get_u32(attribute);
		break;
	case TCA_FQ_HORIZON:
		qdisc->horizon_us = mnl_attr_get_u32(attribute);
		break;
	case TCA_FQ_HORIZON_DROP:
		qdisc->horizon_drops = mnl_attr_get_u8(attribute) != 0;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_stats(const struct nlattr *attribute, void *context)
{
	struct stoq_fq_counts *counts = context;

	if (mnl_attr_get_type(attribute) == TCA_STATS_QUEUE &&
		mnl_attr_get_payload_len(attribute) >= sizeof(struct gnet_stats_queue)) {
		const struct gnet_stats_queue *queue = mnl_attr_get_payload(attribute);

		counts->dropped = queue->drops;
		counts->waiting = queue->qlen;
	}
	if (mnl_attr_get_type(attribute) == TCA_STATS_BASIC &&
		mnl_attr_get_payload_len(attribute) >= 12) {
		const struct gnet_stats_basic *basic = mnl_attr_get_payload(attribute);

		counts->packets = basic->packets;
	}
	return MNL_CB_OK;
}

static int take_attribute(const struct nlattr *attribute, void *context)
{
	struct qdisc *qdisc = context;

	switch (mnl_attr_get_type(attribute)) {
	case TCA_KIND:
		snprintf(qdisc->kind, sizeof(qdisc->kind), "%.*s",
			(int)mnl_attr_get_payload_len(attribute), mnl_attr_get_str(attribute));
		break;
	case TCA_OPTIONS:
		if (strcmp(qdisc->kind, "fq") == 0) /* which stands before it */
			mnl_attr_parse_nested(attribute, take_option, qdisc);
		break;
	case TCA_STATS2:
		mnl_attr_parse_nested(attribute, take_stats, &qdisc->counts);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

struct walk {
	int ifindex;
	void (*seen)(void *context, const struct qdisc *qdisc);
	void *context;
};

static int take_qdisc(const struct nlmsghdr *message, void *context)
{
	const struct walk *walk = context;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	struct qdisc qdisc = {.handle = tc->tcm_handle, .parent = tc->tcm_parent};

	if (message->nlmsg_type != RTM_NEWQDISC || tc->tcm_ifindex != walk->ifindex)
		return MNL_CB_OK;
	mnl_attr_parse(message, sizeof(*tc), take_attribute, &qdisc);
	walk->seen(walk->context, &qdisc);
	return MNL_CB_OK;
}

static struct nlmsghdr *begin(
	char *buffer, uint16_t type, uint16_t flags, int ifindex, uint32_t parent, uint32_t handle)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = 1;
	tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = parent;
	tc->tcm_handle = handle;
	return message;
}

/* All qdiscs of the interface. 0 or a negative errno. */
static int each(int ifindex, void (*seen)(void *context, const struct qdisc *qdisc), void *context)
{
	char buffer[REQUEST_BYTES];
	struct walk walk = {ifindex, seen, context};

	return stoq_netlink_request_once(NETLINK_ROUTE,
		begin(buffer, RTM_GETQDISC, NLM_F_DUMP, ifindex, 0, 0), take_qdisc, &walk);
}

/* The root, how many fq are below ours, and what ours and these have counted. */
struct look {
	struct qdisc root;
	uint32_t below;
	struct stoq_fq_counts counts;
};

static void take_look(void *context, const struct qdisc *qdisc)
{
	struct look *look = context;

	if (qdisc->parent == TC_H_ROOT)
		look->root = *qdisc;
	if (strcmp(qdisc->kind, "fq") == 0 && qdisc->parent >> 16 == OUR_MAJOR)
		look->below++;
	if (strcmp(qdisc->kind, "fq") == 0 &&
		(qdisc->handle == OUR_HANDLE || qdisc->parent >> 16 == OUR_MAJOR)) {
		look->counts.dropped += qdisc->counts.dropped;
		look->counts.packets += qdisc->counts.packets;
		look->counts.waiting += qdisc->counts.waiting;
	}
}

static bool will_do(const struct qdisc *qdisc)
{
	return strcmp(qdisc->kind, "fq") == 0 && qdisc->packets >= PACKETS_LEAST &&
	       qdisc->flow_packets >= FLOW_PACKETS_LEAST &&
	       (!qdisc->horizon_us || qdisc->horizon_us >= HORIZON_LEAST_US);
}

static enum stoq_fq_state state_of(const struct qdisc *root)
{
	if (root->handle == OUR_HANDLE)
		return STOQ_FQ_OURS;
	return will_do(root) && root->handle ? STOQ_FQ_OPERATOR : STOQ_FQ_NONE;
}

int stoq_fq_look(int ifindex, enum stoq_fq_state *state, struct stoq_fq_counts *counts)
{
	struct look look = {0};
	int result = each(ifindex, take_look, &look);

	*state = result ? STOQ_FQ_NONE : state_of(&look.root);
	*counts = look.counts;
	return result;
}

/* ---- putting it there ---- */

static int add(int ifindex, uint32_t parent, uint32_t handle, const char *kind)
{
	char buffer[REQUEST_BYTES];
	struct nlmsghdr *message = begin(buffer, RTM_NEWQDISC,
		NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ifindex, parent, handle);
	struct nlattr *options;

	mnl_attr_put_strz(message, TCA_KIND, kind);
	if (strcmp(kind, "fq") == 0) {
		options = mnl_attr_nest_start(message, TCA_OPTIONS);
		mnl_attr_put_u32(message, TCA_FQ_PLIMIT, PACKETS);
		mnl_attr_put_u32(message, TCA_FQ_FLOW_PLIMIT, FLOW_PACKETS);
		mnl_attr_put_u32(message, TCA_FQ_HORIZON, STOQ_FQ_HORIZON_NS / 1000);
		mnl_attr_put_u8(message, TCA_FQ_HORIZON_DROP, 0);
		mnl_attr_nest_end(message, options);
	}
	return stoq_netlink_request_once(NETLINK_ROUTE, message, NULL, NULL);
}

static int remove_root(int ifindex)
{
	char buffer[REQUEST_BYTES];

	return stoq_netlink_request_once(NETLINK_ROUTE,
		begin(buffer, RTM_DELQDISC, NLM_F_ACK, ifindex, TC_H_ROOT, 0), NULL, NULL);
}

static int take_link(const struct nlattr *attribute, void *context)
{
	uint32_t *queues = context;

	if (mnl_attr_get_type(attribute) == IFLA_NUM_TX_QUEUES)
		*queues = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int take_links(const struct nlmsghdr *message, void *context)
{
	mnl_attr_parse(message, sizeof(struct ifinfomsg), take_link, context);
	return MNL_CB_OK;
}

/* How many queues the interface has for sending; 0: not to be found out. */
static uint32_t count_queues(int ifindex)
{
	char buffer[REQUEST_BYTES];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;
	uint32_t queues = 0;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = 1;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_index = ifindex;
	return stoq_netlink_request_once(NETLINK_ROUTE, message, take_links, &queues) ? 0 : queues;
}

/* An fq below each queue of an mq of ours; one that is there keeps what waits in it. */
static int add_below_queues(int ifindex, uint32_t queues)
{
	int result = 0;

	for (uint32_t i = 1; !result && i <= queues; i++)
		result = add(ifindex, OUR_HANDLE | i, 0, "fq");
	return result;
}

/* An mq of ours in place of the default one, whose queues cannot be named. */
static int add_mq(int ifindex)
{
	uint32_t queues = count_queues(ifindex);
	int result = queues ? add(ifindex, TC_H_ROOT, OUR_HANDLE, "mq") : -ENODATA;

	if (!result)
		result = add_below_queues(ifindex, queues);
	if (result)
		remove_root(ifindex);
	return result;
}

/* Whoever put ours there may have been killed before all queues had an fq. */
static int complete(int ifindex, const struct look *look)
{
	uint32_t queues = strcmp(look->root.kind, "mq") == 0 ? count_queues(ifindex) : 0;

	return look->below < queues ? add_below_queues(ifindex, queues) : 0;
}

static int refuse(const char *interface, const struct qdisc *root, struct stoq_error *error)
{
	bool fq = strcmp(root->kind, "fq") == 0;

	return stoq_error_set(error, -EBUSY,
		"interface %s has a qdisc %s that was configured there%s; limits need one that keeps departure times: "
		"`tc qdisc replace dev %s root fq limit 1000000 flow_limit 100000 horizon 20s horizon_cap`, or "
		"`tc qdisc del dev %s root` for the guard to put its own there",
		interface, root->kind, fq ? ", which would drop packets that wait" : "", interface,
		interface);
}

int stoq_fq_install(
	const char *interface, int ifindex, enum stoq_fq_state *state, struct stoq_error *error)
{
	struct look look = {0};
	int result = each(ifindex, take_look, &look);

	*state = state_of(&look.root);
	if (!result && *state == STOQ_FQ_OPERATOR)
		return 0;
	if (!result && *state == STOQ_FQ_NONE && look.root.handle)
		return refuse(interface, &look.root, error);
	if (!result && *state == STOQ_FQ_OURS)
		result = complete(ifindex, &look);
	else if (!result)
		result = strcmp(look.root.kind, "mq") == 0
				 ? add_mq(ifindex)
				 : add(ifindex, TC_H_ROOT, OUR_HANDLE, "fq");
	*state = result ? STOQ_FQ_NONE : STOQ_FQ_OURS;
	if (!result || result == -ENODEV)
		return 0;
	return stoq_error_set(error, result, "cannot put a qdisc fq on interface %s: %s%s",
		interface, strerror(-result),
		result == -ENOENT  ? "; the kernel needs CONFIG_NET_SCH_FQ (module sch_fq)"
		: result == -EPERM ? "; CAP_NET_ADMIN is missing (run as root)"
				   : "");
}

int stoq_fq_remove(const char *interface, int ifindex, struct stoq_error *error)
{
	struct look look = {0};
	int result = each(ifindex, take_look, &look);

	if (!result && look.root.handle != OUR_HANDLE)
		return 0;
	if (!result)
		result = remove_root(ifindex);
	if (!result || result == -ENODEV || result == -ENOENT)
		return 0;
	return stoq_error_set(error, result, "cannot remove the qdisc fq from interface %s: %s",
		interface, strerror(-result));
}

void stoq_fq_drain(int ifindex, uint64_t end_ns)
{
	static const struct timespec step = {.tv_nsec = DRAIN_STEP_NS};
	enum stoq_fq_state state;
	struct stoq_fq_counts counts;

	while (stoq_fq_look(ifindex, &state, &counts) == 0 && state == STOQ_FQ_OURS &&
		counts.waiting && stoq_clock_now_ns() < end_ns)
		nanosleep(&step, NULL);
}
