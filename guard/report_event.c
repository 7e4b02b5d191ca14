// SPDX-License-Identifier: BSD-2-Clause
#include "guard/report_event.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/timestamp.h"
#include "flow/json_put.h"
#include "flow/render_event.h"
#include "flow/text.h"
#include "guard/print.h"
#include "nvme/nvme_names.h"

static const struct {
	const char *name;
	const char *text;
} totals[STOQ_GUARD_TOTALS] = {
	[STOQ_GUARD_ALLOWED] = {"allowed", "commands allowed"},
	[STOQ_GUARD_DENIED] = {"denied", "commands denied"},
	[STOQ_GUARD_LOGGED] = {"logged", "commands logged"},
	[STOQ_GUARD_CLONES] = {"clones", "Connects of a host NQN that another machine has"},
	[STOQ_GUARD_PATCHED] = {"patched", "refused commands rewritten"},
	[STOQ_GUARD_RESPONSES] = {"responses", "completions rewritten"},
	[STOQ_GUARD_PATCHED_AGAIN] = {"patched_again", "packets sent again, rewritten again"},
	[STOQ_GUARD_ENDED] = {"ended",
		"connections ended: what had passed early was to be refused"},
	[STOQ_GUARD_URGENT] = {"urgent", "urgent marks taken off"},
	[STOQ_GUARD_MULTIPATH] = {"multipath", "offers of Multipath TCP taken out"},
	[STOQ_GUARD_DROP_NO_POLICY] = {"no_policy", "there was no policy"},
	[STOQ_GUARD_DROP_NO_ROOM] = {"no_room", "a table of the guard is full"},
	[STOQ_GUARD_DROP_BACKLOG] = {"backlog", "too much not acknowledged yet"},
	[STOQ_GUARD_DROP_CONTENDED] = {"contended", "another CPU was at the same connection"},
	[STOQ_GUARD_DROP_STORE] = {"store", "the kernel did not let it be changed"},
	[STOQ_GUARD_DROP_CUT] = {"cut", "a command cut where it cannot be refused"},
	[STOQ_GUARD_DROP_DISORDER] = {"disorder", "too early, and no room to keep it"},
	[STOQ_GUARD_DROP_CHANGED] = {"changed", "sent again with other bytes"},
	[STOQ_GUARD_DROP_ENDED] = {"ended_connection", "of a connection that was ended"},
	[STOQ_GUARD_DROP_UNFOLLOWED] = {"unfollowed", "where its PDUs begin is not known"},
	[STOQ_GUARD_DROP_MALFORMED_PDU] = {"malformed_pdu", "a malformed PDU"},
	[STOQ_GUARD_DROP_MALFORMED] = {"malformed", "malformed headers"},
	[STOQ_GUARD_DROP_FRAGMENT] = {"fragment", "an IP fragment"},
	[STOQ_GUARD_DROP_ENCRYPTED] = {"encrypted", "TLS, in which commands cannot be seen"},
	[STOQ_GUARD_DROP_TOO_MANY] = {"too_many_pdus", "too many PDUs in a packet"},
	[STOQ_GUARD_DROP_SEQUENCE] = {"sequence", "a PDU out of its turn"},
	[STOQ_GUARD_DROP_NEGOTIATION] = {"negotiation",
		"an ICReq or Connect that no target understands"},
	[STOQ_GUARD_DROP_NO_R2T] = {"no_r2t", "data that no R2T asked for"},
	[STOQ_GUARD_DROP_CID_IN_USE] = {"cid_in_use", "a command with the identifier of another"},
	[STOQ_GUARD_DROP_QUEUE_FULL] = {"queue_full", "more commands than the queue has places"},
	[STOQ_GUARD_DROP_CONTROLLER] = {"controller", "an answer that no command asked for"},
	[STOQ_GUARD_DROP_CAPSULE] = {"capsule_size", "more data in a capsule than it may have"},
	[STOQ_GUARD_DROP_FLAGS] = {"flags", "TCP flags that no connection needs"},
	[STOQ_GUARD_DROP_SIDE] = {"side", "in the name of an end that is elsewhere"},
	[STOQ_GUARD_DROP_TAGS] = {"tags", "too many VLAN tags"},
};

static bool is_total(enum stoq_guard_total total)
{
	return (unsigned int)total < STOQ_GUARD_TOTALS && totals[total].name;
}

const char *stoq_guard_total_name(enum stoq_guard_total total)
{
	return is_total(total) ? totals[total].name : "unknown";
}

const char *stoq_guard_total_text(enum stoq_guard_total total)
{
	return is_total(total) ? totals[total].text : "for a reason this stoq does not know";
}

static const char *kind_name(const struct stoq_guard_record *record)
{
	switch (record->kind) {
	case STOQ_GUARD_RECORD_DENIED:
		return record->audit ? "would_refuse" : "denied";
	case STOQ_GUARD_RECORD_LOGGED:
		return "logged";
	case STOQ_GUARD_RECORD_DROPPED:
		return record->audit ? "would_drop" : "dropped";
	case STOQ_GUARD_RECORD_CLONE:
		return "clone";
	default:
		return "?";
	}
}

static const char *verdict_text(const struct stoq_guard_record *record)
{
	return record->kind == STOQ_GUARD_RECORD_DENIED && record->audit ? "would refuse"
									 : kind_name(record);
}

static enum nvme_queue_kind queue_kind(const struct stoq_guard_record *record)
{
	return record->table == STOQ_GUARD_IO ? NVME_QUEUE_IO : NVME_QUEUE_ADMIN;
}

static uint8_t opcode_of(const struct stoq_guard_record *record)
{
	return record->table == STOQ_GUARD_FABRICS ? NVME_OPCODE_FABRICS : record->code;
}

/* ---- text ---- */

const char *stoq_guard_event_heading(void)
{
	return "TIME                             VERDICT      COMMAND            NSID             SLBA "
	       "BLOCKS RULE"
	       "                 STATUS                       HOST";
}

static void describe_rule(char *out, size_t size, const struct stoq_guard_event *event)
{
	char label[STOQ_GUARD_RULE_LABEL];

	if (event->record->rule == STOQ_GUARD_NO_RULE) {
		snprintf(out, size, "default");
		return;
	}
	if (event->policy && event->record->rule < event->policy->rule_count) {
		stoq_guard_label_rule(event->policy, event->record->rule, label);
		snprintf(out, size, "%s", label);
		return;
	}
	snprintf(out, size, "%u", event->record->rule + 1u);
}

static void describe_host(char *out, size_t size, const struct stoq_identity *identity)
{
	stoq_text_clean(out, size, identity->host_nqn[0] ? identity->host_nqn : "not known",
		NVME_NQN_LENGTH, STOQ_TEXT_ASCII);
}

static void describe_namespace(char *out, size_t size, const struct stoq_guard_record *record)
{
	if (record->table == STOQ_GUARD_FABRICS)
		snprintf(out, size, "-");
	else if (record->nsid == STOQ_GUARD_NSID_ALL)
		snprintf(out, size, "all");
	else
		snprintf(out, size, "%u", record->nsid);
}

static void command_line(
	char line[static STOQ_GUARD_EVENT_LINE], const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	char time[STOQ_TIMESTAMP], opcode[NVME_NAME_LENGTH], status[NVME_NAME_LENGTH];
	char nsid[16], slba[24] = "-", blocks[16] = "-", rule[STOQ_GUARD_RULE_LABEL];
	char host[4 * NVME_NQN_LENGTH + 1];

	describe_namespace(nsid, sizeof(nsid), record);
	describe_rule(rule, sizeof(rule), event);
	describe_host(host, sizeof(host), event->identity);
	if (record->blocks) {
		snprintf(slba, sizeof(slba), "%" PRIu64, (uint64_t)record->slba);
		snprintf(blocks, sizeof(blocks), "%u", record->blocks);
	}
	snprintf(line, STOQ_GUARD_EVENT_LINE,
		"%s %-12s %-18.18s %-4s %16s %6s %-20.40s %-28.40s %s (%s)",
		stoq_timestamp_local(time, record->time_ns + event->unix_offset_ns, 6),
		verdict_text(record),
		nvme_opcode_name(queue_kind(record), opcode_of(record), record->code, opcode), nsid,
		slba, blocks, rule,
		record->kind == STOQ_GUARD_RECORD_DENIED
			? nvme_status_name(
				  queue_kind(record), opcode_of(record), record->status, status)
			: "-",
		host, event->identity->host_address);
}

static const char *other_address(
	const struct stoq_guard_record *record, char text[static STOQ_ENDPOINT_TEXT])
{
	return stoq_endpoint_text(text, record->other_address, ntohs(record->other_port));
}

static void clone_line(
	char line[static STOQ_GUARD_EVENT_LINE], const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	char time[STOQ_TIMESTAMP], host[4 * NVME_NQN_LENGTH + 1], other[STOQ_ENDPOINT_TEXT];

	describe_host(host, sizeof(host), event->identity);
	snprintf(line, STOQ_GUARD_EVENT_LINE,
		"%s %-12s two machines have one NQN: %s connects, %s is connected; %s%s",
		stoq_timestamp_local(time, record->time_ns + event->unix_offset_ns, 6), "clone",
		event->identity->host_address, other_address(record, other), host,
		!record->status ? ""
		: record->audit ? "; would refuse the first"
				: "; the first is refused");
}

void stoq_guard_event_line(
	char line[static STOQ_GUARD_EVENT_LINE], const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	char time[STOQ_TIMESTAMP], host[4 * NVME_NQN_LENGTH + 1];

	if (record->kind == STOQ_GUARD_RECORD_CLONE) {
		clone_line(line, event);
		return;
	}
	if (record->kind != STOQ_GUARD_RECORD_DROPPED) {
		command_line(line, event);
		return;
	}
	describe_host(host, sizeof(host), event->identity);
	snprintf(line, STOQ_GUARD_EVENT_LINE, "%s %s a packet: %s; %s (%s)",
		stoq_timestamp_local(time, record->time_ns + event->unix_offset_ns, 6),
		record->audit ? "would drop" : "dropped",
		stoq_guard_total_text((enum stoq_guard_total)record->reason), host,
		event->identity->host_address);
}

/* ---- JSON ---- */

static void put_command(struct json_object *object, const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	bool ruled = record->rule != STOQ_GUARD_NO_RULE;
	const char *name = NULL;

	if (ruled && event->policy && record->rule < event->policy->rule_count)
		name = event->policy->rules[record->rule].text->name;
	stoq_json_put_opcode(object, queue_kind(record), opcode_of(record), record->code);
	stoq_json_put_u64(object, "cid", record->cid);
	stoq_json_put_known(object, "namespace", record->table != STOQ_GUARD_FABRICS, record->nsid);
	stoq_json_put_known(object, "slba", record->blocks != 0, record->slba);
	stoq_json_put_known(object, "blocks", record->blocks != 0, record->blocks);
	stoq_json_put_known(object, "rule", ruled, record->rule + 1u);
	stoq_json_put_foreign(object, "rule_name", name ? name : "", name ? strlen(name) : 0);
	if (record->kind == STOQ_GUARD_RECORD_DENIED)
		stoq_json_put_status(object, queue_kind(record), opcode_of(record), record->status);
}

/* As a UUID is written (RFC 9562, 4): host identifiers are UUIDs where hosts are Linux. */
static void put_host_id(struct json_object *object, const char *key, const uint8_t *id)
{
	char text[40];
	size_t used = 0;

	for (int i = 0; id && i < 16; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%02x",
			i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	stoq_json_put_string(object, key, id ? text : NULL);
}

static void put_clone(struct json_object *object, const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	char other[STOQ_ENDPOINT_TEXT];

	stoq_json_put_bool(object, "refused", record->status != 0 && !record->audit);
	put_host_id(object, "host_id", event->host_id);
	stoq_json_put_string(object, "other_host_address", other_address(record, other));
	put_host_id(object, "other_host_id", event->other_host_id);
}

struct json_object *stoq_guard_event_object(const struct stoq_guard_event *event)
{
	const struct stoq_guard_record *record = event->record;
	struct json_object *object =
		stoq_json_new_report(kind_name(record), STOQ_JSON_SCHEMA_VERSION);
	char hash[20];

	if (!object)
		return NULL;
	stoq_json_put_time(object, record->time_ns + event->unix_offset_ns);
	stoq_json_put_u64(object, "sequence", record->sequence);
	stoq_json_put_bool(object, "audit", record->audit != 0);
	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)record->policy_hash);
	stoq_json_put_string(object, "policy_hash", hash);
	if (record->kind == STOQ_GUARD_RECORD_DROPPED)
		stoq_json_put_string(object, "reason",
			stoq_guard_total_name((enum stoq_guard_total)record->reason));
	else if (record->kind == STOQ_GUARD_RECORD_CLONE)
		put_clone(object, event);
	else
		put_command(object, event);
	stoq_json_put_foreign(object, "host_nqn", event->identity->host_nqn, NVME_NQN_LENGTH);
	stoq_json_put_foreign(
		object, "subsystem_nqn", event->identity->subsystem_nqn, NVME_NQN_LENGTH);
	stoq_json_put_string(object, "host_address", event->identity->host_address);
	stoq_json_put_string(object, "controller_address", event->identity->controller_address);
	stoq_json_put_known(object, "queue_id", record->qid != 0xffff, record->qid);
	return object;
}

char *stoq_guard_event_json(const struct stoq_guard_event *event)
{
	return stoq_json_finish(stoq_guard_event_object(event));
}
