// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/many_rules.h"

#include <stdio.h>

size_t many_rules_write(char text[static MANY_RULES_TEXT], size_t ranges)
{
	char *to = text + sprintf(text, "version: 1\ndefault: allow\nrules:\n");

	for (size_t i = 0; i < STOQ_GUARD_RULES_MAX; i++) {
		if (i < ranges)
			to += sprintf(to,
				"  - {namespace: 1, lba: %zu+8, commands: [writes], "
				"verdict: deny}\n",
				i * 100);
		else
			to += sprintf(to,
				"  - {host: 'nqn.2014-08.h%zu', namespace: %zu, commands: "
				"[writes], "
				"verdict: deny}\n",
				i, i % 500 + 2);
	}
	return (size_t)(to - text);
}
