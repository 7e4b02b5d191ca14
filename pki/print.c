// SPDX-License-Identifier: BSD-2-Clause
#include "pki/print.h"
#include "pki/records.h"

#include <string.h>

/* "valid, 364 days left". */
static void state_text(const struct stoq_pki_view *view, char *text, size_t size)
{
	const long long left = (long long)(view->description->not_after - view->now);

	if (view->state == STOQ_PKI_VALID && left >= STOQ_PKI_DAY_S)
		snprintf(text, size, "valid, %lld days left", left / STOQ_PKI_DAY_S);
	else if (view->state == STOQ_PKI_VALID)
		snprintf(text, size, "valid, %lld hours left", left / 3600);
	else
		snprintf(text, size, "%s", stoq_pki_state_name(view->state));
}

static void print_names(FILE *out, const struct stoq_pki_description *description)
{
	for (size_t i = 0; i < description->name_count; i++)
		fprintf(out, "%s %s %s\n", i ? "            " : "names       ",
			stoq_pki_name_type_name(description->names[i].type),
			description->names[i].text);
}

static const char *purpose_text(const struct stoq_pki_description *description)
{
	if (description->is_authority)
		return "issues certificates and revocation lists";
	if (description->for_client && description->for_server)
		return "TLS client and server";
	if (description->for_client)
		return "TLS client";
	return description->for_server ? "TLS server" : "none of TLS";
}

void stoq_pki_print_certificate(FILE *out, const struct stoq_pki_view *view)
{
	const struct stoq_pki_description *description = view->description;
	char state[64], from[STOQ_PKI_TIME_BYTES], to[STOQ_PKI_TIME_BYTES];

	state_text(view, state, sizeof(state));
	fprintf(out, "subject      %s\n", description->subject);
	fprintf(out, "state        %s\n", state);
	print_names(out, description);
	fprintf(out, "issued by    %s\n", description->issuer);
	fprintf(out, "valid        %s to %s\n", stoq_pki_time_text(from, description->not_before),
		stoq_pki_time_text(to, description->not_after));
	fprintf(out, "purpose      %s\n", purpose_text(description));
	fprintf(out, "key          %s\n", description->key_type);
	fprintf(out, "serial       %s\n", description->serial);
	fprintf(out, "SHA-256      %s\n", description->fingerprint);
}

/* The longest node's name decides the column's width, within reason. */
static int node_width(const struct stoq_pki_records *records)
{
	size_t width = strlen("NODE");

	for (size_t i = 0; i < records->count; i++) {
		const size_t length = strlen(records->records[i].description.subject);

		width = length > width ? length : width;
	}
	return width > 40 ? 40 : (int)width;
}

static void print_record(FILE *out, const struct stoq_pki_record *record, int width, time_t now)
{
	const struct stoq_pki_view view = {&record->description, record->state, now};
	char state[64], to[STOQ_PKI_TIME_BYTES];

	state_text(&view, state, sizeof(state));
	fprintf(out, "%-*s  %-22s  %.10s  %s ", width, record->description.subject, state,
		stoq_pki_time_text(to, record->description.not_after), record->description.serial);
	for (size_t i = 0; i < record->description.name_count; i++)
		fprintf(out, " %s", record->description.names[i].text);
	fputc('\n', out);
}

void stoq_pki_print_records(FILE *out, const struct stoq_pki_records *records, time_t now)
{
	const int width = node_width(records);

	fprintf(out, "%-*s  %-22s  %-10s  %-32s  %s\n", width, "NODE", "STATE", "UNTIL", "SERIAL",
		"NAMES");
	for (size_t i = 0; i < records->count; i++)
		print_record(out, &records->records[i], width, now);
}
