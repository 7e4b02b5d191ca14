// SPDX-License-Identifier: BSD-2-Clause
#include "probe/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/probe_private.h"

int stoq_probe_run(struct stoq_probe *probe, const char *root, struct stoq_error *error)
{
	*probe = (struct stoq_probe){.root = root};
	stoq_probe_kernel(probe);
	stoq_probe_process(probe);
	stoq_probe_bpf(probe);
	stoq_probe_interfaces(probe);
	stoq_probe_sockets(probe);
	stoq_probe_machine(probe);
	stoq_probe_modules(probe);
	if (!probe->out_of_memory)
		return 0;
	stoq_probe_free(probe);
	return stoq_error_set(error, -ENOMEM, "out of memory");
}

void stoq_probe_free(struct stoq_probe *probe)
{
	free(probe->facts);
	*probe = (struct stoq_probe){.root = ""};
}

const struct stoq_probe_fact *stoq_probe_find(
	const struct stoq_probe *probe, const char *topic, const char *subject, const char *name)
{
	for (size_t i = 0; i < probe->count; i++)
		if (strcmp(probe->facts[i].topic, topic) == 0 &&
			strcmp(probe->facts[i].subject, subject) == 0 &&
			strcmp(probe->facts[i].name, name) == 0)
			return &probe->facts[i];
	return NULL;
}

const char *stoq_probe_answer_name(enum stoq_probe_answer answer)
{
	return answer == STOQ_PROBE_YES ? "yes" : answer == STOQ_PROBE_NO ? "no" : "unknown";
}
