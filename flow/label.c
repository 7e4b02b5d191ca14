// SPDX-License-Identifier: BSD-2-Clause
#include "flow/label.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flow/text.h"
#include "nvme/nvme_names.h"

#define CLEAN_SIZE (4 * NVME_NQN_LENGTH + 1)

static const char *const axis_names[STOQ_AXES] = {
	[STOQ_BY_HOST] = "host",
	[STOQ_BY_SUBSYSTEM] = "subsystem",
	[STOQ_BY_NAMESPACE] = "namespace",
	[STOQ_BY_QUEUE] = "queue",
	[STOQ_BY_CONNECTION] = "connection",
	[STOQ_BY_PATH] = "path",
	[STOQ_BY_OPCODE] = "opcode",
	[STOQ_BY_SIZE] = "size",
};

static const char *const state_names[STOQ_FLOW_STATES] = {
	[STOQ_FLOW_LEARNING] = "learning",
	[STOQ_FLOW_SYNCED] = "synced",
	[STOQ_FLOW_ENCRYPTED] = "encrypted",
	[STOQ_FLOW_LOST] = "lost",
	[STOQ_FLOW_CLOSED] = "closed",
	[STOQ_FLOW_MULTIPATH] = "multipath",
};

const char *stoq_axis_name(enum stoq_axis axis, char text[static STOQ_AXIS_NAME])
{
	enum stoq_axis first = stoq_axis_first(axis), second = stoq_axis_second(axis);

	snprintf(text, STOQ_AXIS_NAME, "%s%s%s", first < STOQ_AXES ? axis_names[first] : "unknown",
		second < STOQ_AXES ? "," : "", second < STOQ_AXES ? axis_names[second] : "");
	return text;
}

/* One name, of so many characters. */
static int find_axis(const char *name, size_t length, enum stoq_axis *axis)
{
	for (unsigned int i = 0; i < STOQ_AXES; i++) {
		if (strlen(axis_names[i]) == length && strncmp(name, axis_names[i], length) == 0) {
			*axis = (enum stoq_axis)i;
			return 0;
		}
	}
	return -ENOENT;
}

int stoq_axis_from_name(const char *name, enum stoq_axis *axis)
{
	const char *comma = strchr(name, ',');
	enum stoq_axis first, second;

	if (!comma)
		return find_axis(name, strlen(name), axis);
	if (find_axis(name, (size_t)(comma - name), &first) ||
		find_axis(comma + 1, strlen(comma + 1), &second) || first == second)
		return -ENOENT;
	*axis = stoq_axis_pair(first, second);
	return 0;
}

static const char *const happening_names[STOQ_HAPPENINGS] = {
	[STOQ_HAPPENED_CONNECT] = "connect",
	[STOQ_HAPPENED_DISCONNECT] = "disconnect",
	[STOQ_HAPPENED_RESET] = "reset",
	[STOQ_HAPPENED_TERMINATION] = "termination",
	[STOQ_HAPPENED_NEGOTIATION_FAILED] = "negotiation_failed",
	[STOQ_HAPPENED_TLS_FAILED] = "tls_handshake_failed",
	[STOQ_HAPPENED_KEEP_ALIVE_MISSING] = "keep_alive_missing",
	[STOQ_HAPPENED_HOST_NQN_SHARED] = "host_nqn_shared",
	[STOQ_HAPPENED_VIOLATION] = "protocol_violation",
	[STOQ_HAPPENED_OVERLAP] = "overlapping_writes",
};

const char *stoq_happening_name(enum stoq_happening what)
{
	return what < STOQ_HAPPENINGS ? happening_names[what] : "unknown";
}

static const char *const order_names[STOQ_ORDERS] = {
	[STOQ_ORDER_IOPS] = "iops",
	[STOQ_ORDER_BYTES] = "bytes",
	[STOQ_ORDER_P99] = "p99",
	[STOQ_ORDER_ERRORS] = "errors",
	[STOQ_ORDER_RETRANSMISSIONS] = "retransmissions",
};

const char *stoq_order_name(enum stoq_order order)
{
	return order < STOQ_ORDERS ? order_names[order] : "unknown";
}

int stoq_order_from_name(const char *name, enum stoq_order *order)
{
	for (unsigned int i = 0; i < STOQ_ORDERS; i++) {
		if (strcmp(name, order_names[i]) == 0) {
			*order = (enum stoq_order)i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *stoq_flow_state_name(enum stoq_flow_state state)
{
	return state < STOQ_FLOW_STATES ? state_names[state] : "unknown";
}

/* Copies text, at most width characters; the middle gives way to "..". 0: no limit. */
static void shorten(char *out, size_t size, const char *text, size_t width)
{
	size_t length = strlen(text), head, tail;

	if (!width || length <= width) {
		snprintf(out, size, "%s", text);
		return;
	}
	/* Ends tell names apart better than beginnings. */
	if (width < 6) {
		snprintf(out, size, "%s", text + length - width);
		return;
	}
	head = (width - 2) / 3;
	tail = width - 2 - head;
	snprintf(out, size, "%.*s..%s", (int)head, text, text + length - tail);
}

/* A name in width characters: the NQN, or the address of a host without one. */
static void name_end(char out[CLEAN_SIZE], const char *nqn, size_t nqn_size, const char *address,
	size_t address_size, size_t width)
{
	char clean[CLEAN_SIZE];
	const char *text = clean, *colon;

	stoq_text_clean(clean, sizeof(clean), nqn[0] ? nqn : address,
		nqn[0] ? nqn_size : address_size, STOQ_TEXT_ASCII);
	if (!clean[0])
		text = "(not known)";
	colon = strchr(clean, ':');
	if (width && nqn[0] && strlen(clean) > width && colon && colon[1])
		text = colon + 1;
	shorten(out, CLEAN_SIZE, text, width);
}

static void name_host(char out[CLEAN_SIZE], const struct stoq_identity *identity, size_t width)
{
	name_end(out, identity->host_nqn, sizeof(identity->host_nqn), identity->host_address,
		sizeof(identity->host_address), width);
}

static void name_subsystem(char out[CLEAN_SIZE], const struct stoq_identity *identity, size_t width)
{
	name_end(out, identity->subsystem_nqn, sizeof(identity->subsystem_nqn),
		identity->controller_address, sizeof(identity->controller_address), width);
}

static void label_namespace(char *label, const struct stoq_identity *identity, size_t width)
{
	char subsystem[CLEAN_SIZE], nsid[32] = "";
	size_t room = 0;

	if (identity->nsid == 0)
		snprintf(nsid, sizeof(nsid), "none, ");
	else if (identity->nsid == 0xffffffff)
		snprintf(nsid, sizeof(nsid), "all, ");
	else if (identity->nsid > 0)
		snprintf(nsid, sizeof(nsid), "%lld, ", (long long)identity->nsid);
	if (width)
		room = width > strlen(nsid) + 4 ? width - strlen(nsid) : 4;
	name_subsystem(subsystem, identity, room);
	snprintf(label, STOQ_LABEL_SIZE, "%s%s", nsid, subsystem);
}

/* "3 host > subsystem": the queue id, or where it is not known the two ends. */
static void label_queue(char *label, const struct stoq_identity *identity, size_t width)
{
	char host[CLEAN_SIZE], subsystem[CLEAN_SIZE], queue[48] = "";
	size_t room = 0;

	if (identity->qid >= 0 && identity->cntlid >= 0)
		snprintf(queue, sizeof(queue), "c%d q%d ", identity->cntlid, identity->qid);
	else if (identity->qid >= 0)
		snprintf(queue, sizeof(queue), "q%d ", identity->qid);
	if (width)
		room = width > strlen(queue) + 9 ? width - strlen(queue) - 1 : 8;
	name_host(host, identity, 0);
	name_subsystem(subsystem, identity, 0);
	if (room && strlen(host) + strlen(subsystem) > room) {
		name_subsystem(subsystem, identity, room - room / 3);
		name_host(host, identity, room - strlen(subsystem));
	}
	snprintf(label, STOQ_LABEL_SIZE, "%s%s>%s", queue, host, subsystem);
}

/* "192.0.2.1:40000>192.0.2.2:4420 q3" */
static void label_connection(char *label, const struct stoq_identity *identity, size_t width)
{
	char text[2 * sizeof(identity->host_address) + 24], queue[24] = "";

	if (identity->qid >= 0)
		snprintf(queue, sizeof(queue), " q%d", identity->qid);
	if (identity->host_address[0])
		snprintf(text, sizeof(text), "%s>%s%s", identity->host_address,
			identity->controller_address, queue);
	else
		snprintf(text, sizeof(text), "(closed)%s", queue);
	shorten(label, STOQ_LABEL_SIZE, text, width);
}

/* "192.0.2.1>192.0.2.2:4420" */
static void label_path(char *label, const struct stoq_identity *identity, size_t width)
{
	char text[2 * sizeof(identity->host_address) + 2];

	snprintf(text, sizeof(text), "%s>%s",
		identity->host_address[0] ? identity->host_address : "(not known)",
		identity->controller_address);
	shorten(label, STOQ_LABEL_SIZE, text, width);
}

/* "4 KiB": from there up to twice that. */
static void label_size(char *label, const struct stoq_identity *identity, size_t width)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
	unsigned int bit = identity->size > 0 ? (unsigned int)identity->size - 1 : 0;
	char text[24] = "(not known)";

	if (identity->size == 0)
		snprintf(text, sizeof(text), "no data");
	else if (identity->size > 0)
		snprintf(text, sizeof(text), "%u %s", 1u << bit % 10, units[bit / 10 & 3]);
	shorten(label, STOQ_LABEL_SIZE, text, width);
}

static void label_opcode(char *label, const struct stoq_identity *identity, size_t width)
{
	char buffer[NVME_NAME_LENGTH];
	const char *name = "(not known)";

	if (identity->opcode >= 0)
		name = nvme_opcode_name(identity->kind, (uint8_t)identity->opcode,
			identity->fctype >= 0 ? (uint8_t)identity->fctype : 0, buffer);
	shorten(label, STOQ_LABEL_SIZE, name, width);
}

/* By one axis. */
static void label_one(char label[static STOQ_LABEL_SIZE], const struct stoq_identity *identity,
	enum stoq_axis axis, size_t width)
{
	char name[CLEAN_SIZE];

	switch (axis) {
	case STOQ_BY_NAMESPACE:
		label_namespace(label, identity, width);
		return;
	case STOQ_BY_QUEUE:
		label_queue(label, identity, width);
		return;
	case STOQ_BY_CONNECTION:
		label_connection(label, identity, width);
		return;
	case STOQ_BY_PATH:
		label_path(label, identity, width);
		return;
	case STOQ_BY_OPCODE:
		label_opcode(label, identity, width);
		return;
	case STOQ_BY_SIZE:
		label_size(label, identity, width);
		return;
	case STOQ_BY_SUBSYSTEM:
		name_subsystem(name, identity, width);
		break;
	default:
		name_host(name, identity, width);
		break;
	}
	snprintf(label, STOQ_LABEL_SIZE, "%s", name);
}

/* Two names share the room: the second one has half of it, and what the first one leaves. */
static void label_pair(char label[static STOQ_LABEL_SIZE], const struct stoq_identity *identity,
	enum stoq_axis axis, size_t width)
{
	enum stoq_axis first = stoq_axis_first(axis), second = stoq_axis_second(axis);
	char one[STOQ_LABEL_SIZE], other[STOQ_LABEL_SIZE];
	size_t room = width > 3 ? width - 1 : 2, half = room / 2, left;

	label_one(one, identity, first, 0);
	label_one(other, identity, second, 0);
	if (width && strlen(one) + strlen(other) > room) {
		left = strlen(one) < room - half ? room - strlen(one) : half;
		if (strlen(other) > left)
			label_one(other, identity, second, left);
		left = strlen(other) < room ? room - strlen(other) : 1;
		if (strlen(one) > left)
			label_one(one, identity, first, left);
	}
	snprintf(label, STOQ_LABEL_SIZE, "%.*s %.*s", STOQ_LABEL_SIZE / 2 - 2, one,
		STOQ_LABEL_SIZE / 2 - 2, other);
}

void stoq_group_label(char label[static STOQ_LABEL_SIZE], const struct stoq_identity *identity,
	enum stoq_axis axis, size_t width)
{
	if (stoq_axis_second(axis) == STOQ_AXES)
		label_one(label, identity, axis, width);
	else
		label_pair(label, identity, axis, width);
}
