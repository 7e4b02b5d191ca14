// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any text is a policy or an error that names the file. A policy compiles, prints, and decides;
 * and the reasons given agree with the decision.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guard/explain.h"
#include "guard/print.h"
#include "guard/warnings.h"
#include "require.h"

static void decide(const struct stoq_guard_policy *policy,
	const struct stoq_guard_compiled *compiled, const unsigned char *data, size_t size)
{
	static struct stoq_guard_question question;
	const struct stoq_guard_explainer explainer = {"fuzz", policy, compiled};
	struct stoq_guard_decision decision;
	struct nvme_sqe sqe = {0};

	memcpy(&sqe, data, size < sizeof(sqe) ? size : sizeof(sqe));
	question = (struct stoq_guard_question){.host = "nqn.a", .command = "it"};
	stoq_guard_request_from_sqe(compiled, &question.request, size & 1, &sqe);
	stoq_guard_ask(&explainer, &question, &decision);
	require(decision.verdict <= STOQ_GUARD_DENY);
	require((decision.status != 0) == (decision.verdict == STOQ_GUARD_DENY));
	if (decision.rule == STOQ_GUARD_NO_RULE)
		return;
	require(decision.rule < policy->rule_count);
	require(!stoq_guard_why_not(policy, decision.rule, &question));
}

static void use(FILE *nowhere, const struct stoq_guard_policy *policy, const unsigned char *data,
	size_t size)
{
	struct stoq_guard_compiled *compiled;
	struct stoq_error error;

	if (stoq_guard_compile(policy, &compiled, &error)) {
		require(error.code == -EINVAL); /* more names than there is room for */
		return;
	}
	stoq_guard_print(nowhere, "fuzz", policy, compiled);
	stoq_guard_warnings_print(nowhere, "fuzz", policy, compiled);
	decide(policy, compiled, data, size);
	free(compiled);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static FILE *nowhere;
	struct stoq_guard_policy policy;
	struct stoq_error error;

	if (!nowhere)
		nowhere = fopen("/dev/null", "we");
	require(nowhere);
	if (stoq_guard_policy_parse(&policy, "fuzz", (const char *)data, size, &error)) {
		require(strncmp(error.text, "fuzz:", 5) == 0);
		return 0;
	}
	use(nowhere, &policy, data, size);
	stoq_guard_policy_free(&policy);
	return 0;
}
