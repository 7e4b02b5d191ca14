// SPDX-License-Identifier: BSD-2-Clause
#include "flow/violations.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_check.h"

/*
 * What came stands between `front` and `middle`, what was expected between that and `back`. A NULL ends the sentence
 * before the number. In hexadecimal with so many digits; 0: decimal.
 */
struct words {
	const char *name, *front, *middle, *back;
	int digits;
};

static const struct words kinds[STOQ_VIOLATIONS] = {
	[STOQ_VIOLATION_MALFORMED] = {"malformed_pdu", "no PDU begins with these bytes:", NULL,
		NULL, 0},
	[STOQ_VIOLATION_HEADER_DIGEST] = {"header_digest_flag", "header digest flag ",
		", negotiated is ", "", 0},
	[STOQ_VIOLATION_DATA_DIGEST] = {"data_digest_flag", "data digest flag ", ", negotiated is ",
		"", 0},
	[STOQ_VIOLATION_DATA_OFFSET] = {"data_offset", "PDO ", " is not a multiple of ", "", 0},
	[STOQ_VIOLATION_NEGOTIATION] = {"negotiation", "agrees to digests 0x", ", offered was 0x",
		"", 1},
	[STOQ_VIOLATION_CID_IN_USE] = {"cid_in_use", "a command with this CID is outstanding", NULL,
		NULL, 0},
	[STOQ_VIOLATION_DATA_UNASKED] = {"data_unasked", "", " bytes that no R2T asked for", NULL,
		0},
	[STOQ_VIOLATION_DATA_TAG] = {"data_tag", "TTAG 0x", ", the R2T has 0x", "", 4},
	[STOQ_VIOLATION_DATA_ORDER] = {"data_order", "offset ", ", expected was ", "", 0},
	[STOQ_VIOLATION_DATA_BEYOND_R2T] = {"data_beyond_r2t", "", " bytes, the R2T asked for ",
		" more", 0},
	[STOQ_VIOLATION_DATA_TOO_LONG] = {"data_too_long", "", " bytes, MAXH2CDATA is ", "", 0},
	[STOQ_VIOLATION_DATA_LAST] = {"data_last", "LAST_PDU flag ", ", expected was ", "", 0},
	[STOQ_VIOLATION_R2T_NO_COMMAND] = {"r2t_no_command", "its command is not outstanding", NULL,
		NULL, 0},
	[STOQ_VIOLATION_R2T_UNWANTED] = {"r2t_unwanted", "",
		" bytes of a command that has no data to send", NULL, 0},
	[STOQ_VIOLATION_R2T_BEYOND] = {"r2t_beyond", "asks for data up to ",
		", the command's length is ", "", 0},
	[STOQ_VIOLATION_R2T_TOO_MANY] = {"r2t_too_many", "", " are outstanding, MAXR2T allows ", "",
		0},
	[STOQ_VIOLATION_READ_NO_COMMAND] = {"read_data_no_command",
		"its command is not outstanding", NULL, NULL, 0},
	[STOQ_VIOLATION_READ_UNWANTED] = {"read_data_unwanted", "",
		" bytes of a command that reads no data", NULL, 0},
	[STOQ_VIOLATION_READ_BEYOND] = {"read_data_beyond", "data up to ",
		", the command's length is ", "", 0},
	[STOQ_VIOLATION_RESPONSE_NO_COMMAND] = {"response_no_command",
		"its command is not outstanding", NULL, NULL, 0},
	[STOQ_VIOLATION_HEADER_DIGEST_WRONG] = {"header_digest_mismatch", "header digest 0x",
		", its bytes have 0x", "", 8},
	[STOQ_VIOLATION_DATA_DIGEST_WRONG] = {"data_digest_mismatch", "data digest 0x",
		", its bytes have 0x", "", 8},
};

const char *stoq_violation_name(uint32_t kind)
{
	return kind < STOQ_VIOLATIONS ? kinds[kind].name : "unknown";
}

/* Where the identifier stands; 0: nowhere. */
static size_t cid_offset(uint8_t type)
{
	switch (type) {
	case NVME_TCP_CAPSULE_CMD:
		return sizeof(struct nvme_tcp_hdr) + offsetof(struct nvme_sqe, command_id);
	case NVME_TCP_CAPSULE_RESP:
		return sizeof(struct nvme_tcp_hdr) + offsetof(struct nvme_cqe, command_id);
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
	case NVME_TCP_R2T:
		return offsetof(struct nvme_tcp_data_pdu, command_id);
	default:
		return 0;
	}
}

int stoq_violation_cid(const struct stoq_event_violation *event)
{
	size_t offset = cid_offset(event->header[0]);

	if (!offset || event->violation.kind == STOQ_VIOLATION_MALFORMED ||
		offset + 2 > event->header_bytes)
		return -1;
	return event->header[offset] | event->header[offset + 1] << 8;
}

/* Adds to a text that has so much room. */
__attribute__((format(printf, 3, 4))) static void add(
	char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void add_number(char *text, size_t size, uint32_t number, int digits)
{
	if (digits)
		add(text, size, "%0*x", digits, number);
	else
		add(text, size, "%u", number);
}

const char *stoq_violation_text(
	char text[static STOQ_VIOLATION_TEXT], const struct stoq_event_violation *event)
{
	const struct stoq_violation *violation = &event->violation;
	const struct words *words = &kinds[violation->kind % STOQ_VIOLATIONS];
	const size_t size = STOQ_VIOLATION_TEXT;
	int cid = stoq_violation_cid(event);

	text[0] = '\0';
	if (violation->kind != STOQ_VIOLATION_MALFORMED)
		add(text, size, "%s", nvme_tcp_pdu_name(event->header[0]));
	if (cid >= 0)
		add(text, size, " of CID 0x%04x", (unsigned int)cid);
	add(text, size, "%s%s", text[0] ? ": " : "", words->front);
	if (words->middle) {
		add_number(text, size, violation->came, words->digits);
		add(text, size, "%s", words->middle);
	}
	if (words->back) {
		add_number(text, size, violation->expected, words->digits);
		add(text, size, "%s", words->back);
	}
	for (size_t i = 0; violation->kind == STOQ_VIOLATION_MALFORMED && i < event->header_bytes;
		i++)
		add(text, size, " %02x", event->header[i]);
	return text;
}
