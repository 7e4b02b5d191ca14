// SPDX-License-Identifier: BSD-2-Clause
#include "hook/tc_filters.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink/request.h"

struct listing {
	struct stoq_tc_filter *filters;
	size_t count;
};

static int read_bpf_option(const struct nlattr *attribute, void *context)
{
	struct stoq_tc_filter *filter = context;

	if (mnl_attr_get_type(attribute) == TCA_BPF_ID &&
		mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
		filter->program_id = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

static int read_filter_attribute(const struct nlattr *attribute, void *context)
{
	/* Only cls_bpf puts a program id there; others number their options differently. */
	const struct nlattr **found = context;

	if (mnl_attr_get_type(attribute) == TCA_KIND)
		found[0] = attribute;
	else if (mnl_attr_get_type(attribute) == TCA_OPTIONS)
		found[1] = attribute;
	return MNL_CB_OK;
}

static int on_filter(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *found[2] = {NULL, NULL}; /* kind, options */
	struct stoq_tc_filter filter = {.handle = header->tcm_handle};
	struct listing *listing = context;

	if (message->nlmsg_type != RTM_NEWTFILTER || header->tcm_handle == 0)
		return MNL_CB_OK; /* a chain's head, no filter */
	filter.priority = TC_H_MAJ(header->tcm_info) >> 16;
	mnl_attr_parse(message, sizeof(*header), read_filter_attribute, (void *)found);
	if (found[0] && found[1] && mnl_attr_validate(found[0], MNL_TYPE_NUL_STRING) == 0 &&
		strcmp(mnl_attr_get_str(found[0]), "bpf") == 0)
		mnl_attr_parse_nested(found[1], read_bpf_option, &filter);
	if (listing->count < STOQ_TC_FILTERS_MAX)
		listing->filters[listing->count] = filter;
	listing->count++;
	return MNL_CB_OK;
}

static int dump_filters(int ifindex, bool ingress, struct listing *listing)
{
	char buffer[512] = {0};
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *header;

	request->nlmsg_type = RTM_GETTFILTER;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->tcm_family = AF_UNSPEC;
	header->tcm_ifindex = ifindex;
	header->tcm_parent = TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	return stoq_netlink_request_once(NETLINK_ROUTE, request, on_filter, listing);
}

int stoq_tc_filters_list(int ifindex, bool ingress,
	struct stoq_tc_filter filters[static STOQ_TC_FILTERS_MAX], size_t *count)
{
	struct listing listing = {.filters = filters};
	int result = dump_filters(ifindex, ingress, &listing);

	/* Without the qdisc the kernel answers EINVAL: no filters either. */
	if (result == -EINVAL || result == -ENOENT)
		result = 0;
	*count = listing.count;
	return result;
}

int stoq_tc_filters_each(int ifindex,
	void (*seen)(void *context, bool ingress, const struct stoq_tc_filter *filter),
	void *context)
{
	struct stoq_tc_filter filters[STOQ_TC_FILTERS_MAX];
	int result = 0;
	size_t count = 0;

	for (int ingress = 0; ingress <= 1; ingress++) {
		int failure = stoq_tc_filters_list(ifindex, ingress, filters, &count);

		if (failure) {
			result = failure;
			continue;
		}
		for (size_t i = 0; i < count && i < STOQ_TC_FILTERS_MAX; i++)
			seen(context, ingress, &filters[i]);
	}
	return result;
}
