// SPDX-License-Identifier: BSD-2-Clause
#include "guard/recorded_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "flow/json_put.h"
#include "flow/text.h"
#include "guard/print.h"
#include "guard/recorded.h"
#include "nvme/nvme_names.h"

#define CLEAN (4 * NVME_NQN_LENGTH + 1)

static const char *name_of(char clean[static CLEAN], const char *nqn, const char *address)
{
	return stoq_text_clean(
		clean, CLEAN, nqn[0] ? nqn : address, NVME_NQN_LENGTH, STOQ_TEXT_ASCII);
}

static const char *rule_of(const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_finding *finding, char label[static STOQ_GUARD_RULE_LABEL])
{
	if (finding->rule == STOQ_GUARD_NO_RULE)
		return "default";
	stoq_guard_label_rule(explainer->policy, finding->rule, label);
	return label;
}

static void print_finding(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_finding *finding)
{
	const struct stoq_identity *identity = &finding->identity;
	char label[STOQ_GUARD_RULE_LABEL], opcode[NVME_NAME_LENGTH], host[CLEAN], subsystem[CLEAN];

	fprintf(file, "%10" PRIu64 "  rule %s: %s", finding->count,
		rule_of(explainer, finding, label),
		nvme_opcode_name(identity->kind, (uint8_t)identity->opcode,
			identity->fctype < 0 ? 0 : (uint8_t)identity->fctype, opcode));
	if (identity->nsid > 0)
		fprintf(file, ", namespace %" PRId64, identity->nsid);
	if (finding->first_blocks)
		fprintf(file, ", first LBA %" PRIu64 "+%u", finding->first_slba,
			finding->first_blocks);
	fprintf(file, "\n            %s > %s\n",
		name_of(host, identity->host_nqn, identity->host_address),
		name_of(subsystem, identity->subsystem_nqn, identity->controller_address));
}

void stoq_guard_recorded_print(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_recorded *recorded)
{
	fprintf(file,
		"%" PRIu64 " of %" PRIu64 " recorded commands would have been refused by %s\n",
		recorded->refused, recorded->commands, explainer->path);
	for (size_t i = 0; i < recorded->finding_count; i++)
		print_finding(file, explainer, &recorded->findings[i]);
	if (recorded->beyond)
		fprintf(file, "%10" PRIu64 "  more, of kinds for which there was no room\n",
			recorded->beyond);
	if (recorded->nameless)
		fprintf(file,
			"The host of %" PRIu64 " commands is not in the record: they were decided "
			"about by unknown-host.\n",
			recorded->nameless);
	if (recorded->unseen)
		fprintf(file,
			"%" PRIu64 " of those refused have lists of ranges, which a record does "
			"not contain: they count as touching any block.\n",
			recorded->unseen);
}

static struct json_object *finding_as_json(
	const struct stoq_guard_explainer *explainer, const struct stoq_guard_finding *finding)
{
	struct json_object *object = json_object_new_object();
	bool by_rule = finding->rule != STOQ_GUARD_NO_RULE;

	stoq_json_put_u64(object, "commands", finding->count);
	stoq_json_put_known(object, "rule", by_rule, finding->rule + 1u);
	stoq_json_put_string(object, "name",
		by_rule ? explainer->policy->rules[finding->rule].text->name : NULL);
	stoq_json_put_identity(object, &finding->identity);
	stoq_json_put_known(
		object, "nsid", finding->identity.nsid >= 0, (uint64_t)finding->identity.nsid);
	stoq_json_put_opcode(object, finding->identity.kind, (uint8_t)finding->identity.opcode,
		finding->identity.fctype < 0 ? 0 : (uint8_t)finding->identity.fctype);
	stoq_json_put_time(object, finding->first_unix_ns);
	stoq_json_put_known(object, "slba", finding->first_blocks != 0, finding->first_slba);
	stoq_json_put_known(object, "blocks", finding->first_blocks != 0, finding->first_blocks);
	return object;
}

int stoq_guard_recorded_json(FILE *file, const struct stoq_guard_explainer *explainer,
	const struct stoq_guard_recorded *recorded)
{
	struct json_object *object = json_object_new_object();
	struct json_object *findings = json_object_new_array();
	char hash[20];

	if (!object)
		return -ENOMEM;
	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)explainer->compiled->hash);
	stoq_json_put_string(object, "policy_hash", hash);
	stoq_json_put_u64(object, "commands", recorded->commands);
	stoq_json_put_u64(object, "refused", recorded->refused);
	stoq_json_put_u64(object, "unknown_host", recorded->nameless);
	stoq_json_put_u64(object, "refused_for_unseen_ranges", recorded->unseen);
	stoq_json_put_u64(object, "refused_and_not_listed", recorded->beyond);
	for (size_t i = 0; i < recorded->finding_count; i++)
		json_object_array_add(findings, finding_as_json(explainer, &recorded->findings[i]));
	stoq_json_put(object, "would_refuse", findings);
	return stoq_json_print(file, object);
}
