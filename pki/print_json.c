// SPDX-License-Identifier: BSD-2-Clause
#include "pki/print_json.h"

#include "base/json.h"
#include "pki/print.h"
#include "pki/records.h"

#define SCHEMA_VERSION 1

/* RFC 3339. */
static void add_time(struct json_object *object, const char *key, time_t when)
{
	char text[STOQ_PKI_TIME_BYTES] = "";
	struct tm parts;

	if (gmtime_r(&when, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	stoq_json_put_string(object, key, text);
}

static void add_names(struct json_object *object, const struct stoq_pki_description *description)
{
	struct json_object *names = json_object_new_array();

	for (size_t i = 0; i < description->name_count; i++) {
		struct json_object *name = json_object_new_object();

		stoq_json_put_string(
			name, "type", stoq_pki_name_type_name(description->names[i].type));
		stoq_json_put_string(name, "name", description->names[i].text);
		json_object_array_add(names, name);
	}
	json_object_object_add(object, "names", names);
}

static void add_certificate(struct json_object *object, const struct stoq_pki_view *view)
{
	const struct stoq_pki_description *description = view->description;

	stoq_json_put_string(object, "subject", description->subject);
	stoq_json_put_string(object, "state", stoq_pki_state_name(view->state));
	add_names(object, description);
	stoq_json_put_string(object, "issuer", description->issuer);
	add_time(object, "not_before", description->not_before);
	add_time(object, "not_after", description->not_after);
	json_object_object_add(object, "seconds_left",
		json_object_new_int64((int64_t)(description->not_after - view->now)));
	stoq_json_put_bool(object, "authority", description->is_authority);
	stoq_json_put_bool(object, "client", description->for_client);
	stoq_json_put_bool(object, "server", description->for_server);
	stoq_json_put_string(object, "key", description->key_type);
	stoq_json_put_string(object, "serial", description->serial);
	stoq_json_put_string(object, "sha256", description->fingerprint);
}

static void print_object(FILE *out, struct json_object *object)
{
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

void stoq_pki_print_certificate_json(FILE *out, const struct stoq_pki_view *view)
{
	struct json_object *object = stoq_json_new_report("certificate", SCHEMA_VERSION);

	add_certificate(object, view);
	print_object(out, object);
}

void stoq_pki_print_records_json(FILE *out, const struct stoq_pki_records *records, time_t now)
{
	struct json_object *object = stoq_json_new_report("certificates", SCHEMA_VERSION);
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < records->count; i++) {
		const struct stoq_pki_view view = {
			&records->records[i].description, records->records[i].state, now};
		struct json_object *certificate = json_object_new_object();

		add_certificate(certificate, &view);
		json_object_array_add(list, certificate);
	}
	json_object_object_add(object, "certificates", list);
	print_object(out, object);
}
