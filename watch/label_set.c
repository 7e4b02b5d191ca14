// SPDX-License-Identifier: BSD-2-Clause
#include "watch/label_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/text.h"
#include "metrics/openmetrics.h"
#include "nvme/nvme_names.h"
#include "watch/places.h"

#define NSID_ALL 0xffffffff /* the broadcast value */

/*
 * A name from the wire, or where none is known the address. An NQN begins with "nqn." (NVMe base 2.0, 4.7): one that begins
 * as addresses do has its first byte escaped, so that no host passes for another one's address.
 */
static void name_end(char name[static STOQ_LABEL_NAME], const char nqn[static NVME_NQN_LENGTH],
	const char *address)
{
	bool escaped = nqn[0] && strchr("0123456789[", nqn[0]);

	if (!nqn[0]) {
		snprintf(name, STOQ_LABEL_NAME, "%s", address);
		return;
	}
	if (escaped)
		snprintf(name, STOQ_LABEL_NAME, "\\x%02x", (unsigned char)nqn[0]);
	stoq_text_clean(name + 4 * escaped, STOQ_LABEL_NAME - 4 * escaped, nqn + escaped,
		NVME_NQN_LENGTH - escaped, STOQ_TEXT_UTF8);
}

static void name_namespace(char name[static 24], int64_t nsid)
{
	name[0] = '\0';
	if (nsid == NSID_ALL)
		snprintf(name, 24, "all");
	else if (nsid >= 0)
		snprintf(name, 24, "%lld", (long long)nsid);
}

struct stoq_volume_key stoq_label_place(
	struct stoq_label_names *names, const struct stoq_identity *identity)
{
	name_end(names->host, identity->host_nqn, identity->host_address);
	name_end(names->subsystem, identity->subsystem_nqn, identity->controller_address);
	name_namespace(names->nsid, identity->nsid);
	return (struct stoq_volume_key){names->host, names->subsystem, names->nsid};
}

static void put_opcode(const struct stoq_openmetrics *text, const struct stoq_identity *identity)
{
	char buffer[NVME_NAME_LENGTH];

	stoq_openmetrics_put_pair(
		text, "queue", identity->kind == NVME_QUEUE_ADMIN ? "admin" : "io");
	fputc(',', text->out);
	stoq_openmetrics_put_pair(text, "opcode",
		identity->opcode < 0
			? ""
			: nvme_opcode_name(identity->kind, (uint8_t)identity->opcode,
				  identity->fctype >= 0 ? (uint8_t)identity->fctype : 0, buffer));
}

char *stoq_label_set(const struct stoq_identity *identity, const struct stoq_volume_key *place)
{
	char *labels = NULL;
	size_t size;
	const struct stoq_openmetrics text = {.out = open_memstream(&labels, &size)};

	if (!text.out)
		return NULL;
	stoq_places_put_labels(&text, place);
	fputc(',', text.out);
	put_opcode(&text, identity);
	if (!fclose(text.out))
		return labels;
	free(labels);
	return NULL;
}
