// SPDX-License-Identifier: BSD-2-Clause
#include "guard/by_host.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/map_dump.h"
#include "flow/text.h"
#include "guard/nqn.h"
#include "nvme/nvme_names.h"
#include "nvme/nvme_tcp_constants.h"

#define FAMILY "guard_host_commands"

int stoq_guard_by_hosts_prepare(int map_fd)
{
	static const uint8_t kinds[] = {STOQ_GUARD_RECORD_DENIED, STOQ_GUARD_RECORD_LOGGED};

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct stoq_guard_by_host others = {.kind = kinds[i], .others = 1};
		uint64_t none = 0;

		if (bpf_map_update_elem(map_fd, &others, &none, BPF_NOEXIST) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* ---- metrics ---- */

/* The name comes from the wire. */
static void put_host(const struct stoq_openmetrics *text, const struct stoq_guard_by_host *key)
{
	char name[NVME_NQN_LENGTH], host[4 * NVME_NQN_LENGTH + 1];

	stoq_guard_nqn_text(key->words, name);
	stoq_openmetrics_put_pair(text, "host",
		key->others ? "others"
		: name[0]
			? stoq_text_clean(host, sizeof(host), name, NVME_NQN_LENGTH, STOQ_TEXT_UTF8)
			: "unknown");
}

/* Of statuses that mean something with one command only, a guard has those of Connect. */
static void put_status(const struct stoq_openmetrics *text, const struct stoq_guard_by_host *key)
{
	char name[NVME_NAME_LENGTH];
	bool has = key->kind == STOQ_GUARD_RECORD_DENIED && !key->others;

	stoq_openmetrics_put_pair(text, "status",
		has ? nvme_status_name(NVME_QUEUE_ADMIN, NVME_OPCODE_FABRICS, key->status, name)
		    : "");
}

static void put_sample(const struct stoq_openmetrics *text, const struct stoq_guard_view *view,
	const struct stoq_guard_by_host *key, uint64_t count)
{
	fputs("stoq_" FAMILY "_total{", text->out);
	stoq_openmetrics_put_pair(text, "guard", view->pins.name);
	fputc(',', text->out);
	put_host(text, key);
	fputc(',', text->out);
	stoq_openmetrics_put_pair(
		text, "verdict", key->kind == STOQ_GUARD_RECORD_DENIED ? "denied" : "logged");
	fputc(',', text->out);
	put_status(text, key);
	fprintf(text->out, "} %" PRIu64 "\n", count);
}

void stoq_guard_by_hosts_metrics(
	const struct stoq_openmetrics *text, const struct stoq_guard_view *view)
{
	int fd = stoq_guard_pins_open(&view->pins, "stoq_guard_by_hosts", false, NULL);
	struct stoq_map_dump counts = {0};

	stoq_openmetrics_put_head(
		text, FAMILY, "Commands that were denied or logged, by host and status", "counter");
	if (fd < 0)
		return;
	if (stoq_map_dump_init(&counts, sizeof(struct stoq_guard_by_host), sizeof(uint64_t),
		    STOQ_GUARD_BY_HOST_MAX) == 0) {
		if (stoq_map_dump_read(&counts, fd) == 0)
			for (size_t i = 0; i < counts.count; i++)
				put_sample(text, view, stoq_map_dump_key(&counts, i),
					*(const uint64_t *)stoq_map_dump_value(&counts, i));
		stoq_map_dump_free(&counts);
	}
	close(fd);
}
