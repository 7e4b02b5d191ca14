// SPDX-License-Identifier: BSD-2-Clause
#include "watch/filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/units.h"
#include "flow/model.h"
#include "flow/text.h"
#include "nvme/nvme_names.h"

static const char *const kind_names[STOQ_FILTER_KINDS] = {
	[STOQ_FILTER_HOST] = "host",
	[STOQ_FILTER_SUBSYSTEM] = "subsystem",
	[STOQ_FILTER_NAMESPACE] = "namespace",
	[STOQ_FILTER_OPCODE] = "opcode",
	[STOQ_FILTER_PORT] = "port",
	[STOQ_FILTER_ADDRESS] = "address",
};

const char *stoq_filter_kind_name(enum stoq_filter_kind kind)
{
	return kind_names[kind];
}

/* ---- values ---- */

static int add_nsid(
	struct stoq_filter *filter, size_t at, const char *text, struct stoq_error *error)
{
	struct stoq_wanted_commands *wanted = &filter->commands;
	uint64_t nsid;

	if (stoq_parse_number(text, 0, UINT32_MAX, &nsid))
		return stoq_error_set(error, -EINVAL,
			"--namespace: '%.40s' is not a namespace id: write a number, as nvme list "
			"shows it",
			text);
	for (size_t i = at; i < STOQ_WANTED_MAX; i++)
		wanted->nsids[i] = (uint32_t)nsid;
	wanted->nsids_given = 1;
	return 0;
}

static void want_code(
	struct stoq_wanted_commands *wanted, enum stoq_opcode_class class, unsigned int code)
{
	unsigned int bit = (unsigned int)class << 8 | code;

	wanted->opcodes[bit >> 6] |= 1ull << (bit & 63);
	wanted->opcodes_given = 1;
}

/* "0x81", "129" */
static int parse_code(const char *text, unsigned int *code)
{
	char *end;
	unsigned long value = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);

	if (text[0] < '0' || text[0] > '9' || *end || value > 0xff)
		return -EINVAL;
	*code = (unsigned int)value;
	return 0;
}

/* 0, or -EINVAL: it is not a code, with or without its class. */
static int want_number(struct stoq_wanted_commands *wanted, const char *text)
{
	static const char *const classes[STOQ_CLASSES] = {
		[STOQ_CLASS_ADMIN] = "admin:",
		[STOQ_CLASS_IO] = "io:",
		[STOQ_CLASS_FABRICS] = "fabrics:",
	};
	unsigned int code;

	for (unsigned int i = 0; i < STOQ_CLASSES; i++) {
		if (strncmp(text, classes[i], strlen(classes[i])) != 0)
			continue;
		if (parse_code(text + strlen(classes[i]), &code))
			return -EINVAL;
		want_code(wanted, (enum stoq_opcode_class)i, code);
		return 0;
	}
	if (parse_code(text, &code))
		return -EINVAL;
	want_code(wanted, STOQ_CLASS_ADMIN, code);
	want_code(wanted, STOQ_CLASS_IO, code);
	return 0;
}

static int add_opcode(struct stoq_filter *filter, const char *text, struct stoq_error *error)
{
	struct stoq_wanted_commands *wanted = &filter->commands;
	uint8_t opcode, fctype;
	bool found = false;

	for (unsigned int kind = NVME_QUEUE_ADMIN; kind <= NVME_QUEUE_IO; kind++) {
		if (nvme_opcode_from_name((enum nvme_queue_kind)kind, text, &opcode, &fctype))
			continue;
		found = true;
		if (opcode == NVME_OPCODE_FABRICS)
			want_code(wanted, STOQ_CLASS_FABRICS, fctype);
		else
			want_code(wanted, (enum stoq_opcode_class)kind, opcode);
	}
	if (found || want_number(wanted, text) == 0)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"--opcode: '%.40s' is not a command: write its name, like read or write-zeroes, or a "
		"code like 0x81, admin:0xc1 or fabrics:0x04",
		text);
}

static int add_port(
	struct stoq_filter *filter, size_t at, const char *text, struct stoq_error *error)
{
	uint64_t port;

	if (stoq_parse_number(text, 1, UINT16_MAX, &port))
		return stoq_error_set(error, -EINVAL,
			"--port: '%.40s' is not a TCP port: write a number from 1 to 65535", text);
	for (size_t i = at; i < STOQ_WANTED_MAX; i++)
		filter->ends.ports[i] = htons((uint16_t)port);
	filter->ends.ports_given = 1;
	return 0;
}

static void make_mask(uint8_t mask[static STOQ_ENDPOINT_BYTES], unsigned int bits)
{
	for (unsigned int i = 0; i < STOQ_ENDPOINT_BYTES; i++) {
		unsigned int left = bits > 8 * i ? bits - 8 * i : 0;

		mask[i] = left >= 8 ? 0xff : (uint8_t)(0xff00u >> left);
	}
}

/* "192.0.2.0/24": the address, and how many bits of its 16 bytes count. */
static int parse_prefix(
	const char *text, uint8_t address[static STOQ_ENDPOINT_BYTES], unsigned int *bits)
{
	char host[STOQ_HOST_TEXT];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int before;
	uint64_t number;

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (stoq_host_parse(address, host))
		return -EINVAL;
	before = strchr(host, ':') ? 0 : 8 * STOQ_MAPPED_BYTES;
	number = 128 - before;
	if (slash && stoq_parse_number(slash + 1, 0, 128 - before, &number))
		return -EINVAL;
	*bits = before + (unsigned int)number;
	return 0;
}

static int add_address(
	struct stoq_filter *filter, size_t at, const char *text, struct stoq_error *error)
{
	uint8_t address[STOQ_ENDPOINT_BYTES], mask[STOQ_ENDPOINT_BYTES];
	struct stoq_wanted_address wanted;
	unsigned int bits;

	if (parse_prefix(text, address, &bits))
		return stoq_error_set(error, -EINVAL,
			"--address: '%.60s' is not an IP address: write it like 192.0.2.1, "
			"192.0.2.0/24 or 2001:db8::/32; a port is given with --port",
			text);
	make_mask(mask, bits);
	memcpy(wanted.address, address, sizeof(wanted.address));
	memcpy(wanted.mask, mask, sizeof(wanted.mask));
	for (int i = 0; i < 2; i++)
		wanted.address[i] &= wanted.mask[i];
	for (size_t i = at; i < STOQ_WANTED_MAX; i++)
		filter->ends.addresses[i] = wanted;
	filter->ends.addresses_given = 1;
	return 0;
}

int stoq_filter_add(struct stoq_filter *filter, enum stoq_filter_kind kind, const char *text,
	struct stoq_error *error)
{
	unsigned int at = filter->count[kind];
	int result = 0;

	if (!text[0])
		return stoq_error_set(error, -EINVAL, "--%s: the value is empty", kind_names[kind]);
	if (at == STOQ_WANTED_MAX)
		return stoq_error_set(error, -EINVAL, "--%s: at most %d can be given",
			kind_names[kind], STOQ_WANTED_MAX);
	if (kind == STOQ_FILTER_NAMESPACE)
		result = add_nsid(filter, at, text, error);
	else if (kind == STOQ_FILTER_OPCODE)
		result = add_opcode(filter, text, error);
	else if (kind == STOQ_FILTER_PORT)
		result = add_port(filter, at, text, error);
	else if (kind == STOQ_FILTER_ADDRESS)
		result = add_address(filter, at, text, error);
	if (result)
		return result;
	filter->given[kind][at] = text;
	filter->count[kind]++;
	return 0;
}

/* ---- what is asked ---- */

bool stoq_filter_is_given(const struct stoq_filter *filter)
{
	for (size_t i = 0; i < STOQ_FILTER_KINDS; i++)
		if (filter->count[i])
			return true;
	return false;
}

bool stoq_filter_has_flows(const struct stoq_filter *filter)
{
	return filter->count[STOQ_FILTER_HOST] || filter->count[STOQ_FILTER_SUBSYSTEM] ||
	       filter->ends.addresses_given || filter->ends.ports_given;
}

bool stoq_filter_needs_program(const struct stoq_filter *filter)
{
	return filter->ends.addresses_given || filter->ends.ports_given ||
	       filter->commands.nsids_given;
}

/* '*' stands for any characters. The last one before is taken back to where it does not fit. */
static bool fits(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* An address without its port: "192.0.2.1", "2001:db8::1". */
static void write_bare(char bare[static STOQ_ENDPOINT_TEXT], const char *address)
{
	const char *colon = strrchr(address, ':'), *end = strrchr(address, ']');
	size_t length = colon && colon > end ? (size_t)(colon - address) : strlen(address);

	if (address[0] == '[' && length >= 2) {
		address++;
		length -= 2;
	}
	snprintf(bare, STOQ_ENDPOINT_TEXT, "%.*s", (int)length, address);
}

static bool wants_name(const struct stoq_filter *filter, enum stoq_filter_kind kind,
	const char *nqn, const char *address)
{
	char bare[STOQ_ENDPOINT_TEXT];

	write_bare(bare, address);
	for (unsigned int i = 0; i < filter->count[kind]; i++)
		if (fits(filter->given[kind][i], nqn[0] ? nqn : bare))
			return true;
	return !filter->count[kind];
}

bool stoq_filter_wants_flow(const struct stoq_filter *filter, const struct stoq_flow_key *key,
	const struct stoq_identity *identity)
{
	return (!key || stoq_wanted_has_ends(&filter->ends, key)) &&
	       wants_name(filter, STOQ_FILTER_HOST, identity->host_nqn, identity->host_address) &&
	       wants_name(filter, STOQ_FILTER_SUBSYSTEM, identity->subsystem_nqn,
		       identity->controller_address);
}

bool stoq_filter_wants_command(const struct stoq_filter *filter, uint32_t nsid, uint8_t opcode,
	uint8_t kind, uint8_t fctype)
{
	return stoq_wanted_has_nsid(&filter->commands, nsid) &&
	       stoq_wanted_has_opcode(&filter->commands, stoq_wanted_bit(opcode, kind, fctype));
}

bool stoq_filter_wants_opcode(const struct stoq_filter *filter, uint8_t opcode, uint8_t kind)
{
	const uint64_t *fabrics =
		(const uint64_t *)&filter->commands.opcodes[STOQ_CLASS_FABRICS * 4];
	uint32_t bit = stoq_wanted_bit(opcode, kind, 0);

	if (!filter->commands.opcodes_given)
		return true;
	if (opcode == NVME_OPCODE_FABRICS)
		return fabrics[0] | fabrics[1] | fabrics[2] | fabrics[3];
	return filter->commands.opcodes[bit >> 6] >> (bit & 63) & 1;
}

const char *stoq_filter_text(const struct stoq_filter *filter, char text[static STOQ_FILTER_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int kind = 0; kind < STOQ_FILTER_KINDS; kind++) {
		for (unsigned int i = 0; i < filter->count[kind]; i++) {
			char value[128];

			stoq_text_clean(value, sizeof(value), filter->given[kind][i],
				strlen(filter->given[kind][i]), STOQ_TEXT_ASCII);
			used += (size_t)snprintf(text + used, STOQ_FILTER_TEXT - used, "%s%s%s%s",
				i ? " or " : (used ? ", " : ""), i ? "" : kind_names[kind],
				i ? "" : " ", value);
			if (used < STOQ_FILTER_TEXT)
				continue;
			memcpy(text + STOQ_FILTER_TEXT - 3, "..", 3);
			return text;
		}
	}
	return text;
}
