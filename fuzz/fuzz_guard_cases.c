// SPDX-License-Identifier: BSD-2-Clause
/* A file of cases: refused with a reason, or each case is decided about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard/expect.h"
#include "require.h"

static struct stoq_guard_policy policy;
static struct stoq_guard_compiled *compiled;
static FILE *nowhere;

static void prepare_policy(void)
{
	static const char text[] = "version: 1\ndefault: deny\nrules:\n"
				   "  - {name: a, lba: 0+8, namespaces: [1, 2], verdict: allow}\n";
	struct stoq_error error;

	nowhere = fopen("/dev/null", "w");
	require(nowhere);
	require(!stoq_guard_policy_parse(&policy, "p.yaml", text, strlen(text), &error));
	require(!stoq_guard_compile(&policy, &compiled, &error));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct stoq_guard_cases cases;
	struct stoq_error error = {0};
	struct stoq_guard_explainer explainer;

	if (!compiled)
		prepare_policy();
	if (stoq_guard_cases_parse(&cases, "c.yaml", (const char *)data, size, &error)) {
		require(error.text[0]);
		return 0;
	}
	explainer = (struct stoq_guard_explainer){"p.yaml", &policy, compiled};
	require(stoq_guard_expect(nowhere, &explainer, &cases) <= cases.count);
	stoq_guard_cases_free(&cases);
	return 0;
}
