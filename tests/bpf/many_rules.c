// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bpf/many_rules.h"

#include <stdio.h>

size_t many_rules_write(char text[static MANY_RULES_TEXT], bool ranges)
{
	char *to = text + sprintf(text, "version: 1\ndefault: allow\nrules:\n");

	for (int i = 0; i < STOQ_GUARD_RULES_MAX; i++) {
		if (ranges && i < STOQ_GUARD_RANGES_MAX)
			to += sprintf(to,
				"  - {namespace: 1, lba: %d+8, commands: [writes], "
				"verdict: deny}\n",
				i * 100);
		else
			to += sprintf(to,
				"  - {host: 'nqn.h%d', namespace: %d, commands: [writes], "
				"verdict: deny}\n",
				i, i % 500 + 2);
	}
	return (size_t)(to - text);
}
