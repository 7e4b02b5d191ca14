// SPDX-License-Identifier: BSD-2-Clause
/* What is an NQN, and what policies are warned about though they can be put in force. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/nqn.h"
#include "guard/warnings.h"

#define UUID "nqn.2014-08.org.nvmexpress:uuid:"

static void expect_flaw(const char *text, const char *expected)
{
	const char *flaw = stoq_guard_nqn_flaw(text, strlen(text), false);

	if (!flaw)
		fail_msg("'%s' is taken for an NQN", text);
	else if (!strstr(flaw, expected))
		fail_msg("'%s': '%s' does not say '%s'", text, flaw, expected);
}

static void names_that_are_none(void **state)
{
	static const char *const none[] = {"db7.example.org", "192.0.2.7", "", "nqn", "nqn.",
		"iqn.2014-08.org.example:db7", "nqn.example:db7", "nqn.2014.org.example:db7",
		"nqn.2014-8.org.example:db7", "nqn.14-08.org.example:db7", "nqn.2014-08",
		"nqn.2014-08.", "nqn.2014-08-01.org.example:db7", "nqn-2014-08.org.example:db7",
		"2014-08.org.example:db7", "uuid:12345678-1234-1234-1234-123456789abc", "*"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		expect_flaw(none[i], "write nqn.YYYY-MM.REVERSE-DOMAIN:NAME");
	expect_flaw("NQN.2014-08.org.example:db7", "lower case");
	expect_flaw("Nqn.2014-08.org.example:db7", "lower case");
	expect_flaw("nqn.2014-00.org.example:db7", "no such month");
	expect_flaw("nqn.2014-13.org.example:db7", "no such month");
	expect_flaw("nqn.2014-08.org..example:db7", "domain");
	expect_flaw("nqn.2014-08.org.example.:db7", "domain");
	expect_flaw("nqn.2014-08.org/example:db7", "domain");
	expect_flaw("nqn.2014-08.org.example:db 7", "blank");
	expect_flaw(UUID "1234", "a UUID");
	expect_flaw(UUID "12345678-1234-1234-1234-123456789abg", "a UUID");
	expect_flaw(UUID "12345678-1234-1234-1234-123456789abc0", "a UUID");
	expect_flaw(UUID "12345678123412341234123456789abc", "a UUID");
}

static void names_that_are(void **state)
{
	// NOLINTBEGIN(bugprone-suspicious-missing-comma)
	static const char *const whole[] = {"nqn.2014-08.org.example:db7",
		"nqn.2014-08.org.nvmexpress.discovery", UUID "12345678-1234-1234-1234-123456789ABC",
		"nqn.1992-08.com.netapp:sn.5c:vol", "nqn.2019-06.com.x-y_z:a:b/c*",
		"nqn.2014-12.org.example:", "nqn.2014-08.a"};
	static const char *const prefixes[] = {"", "n", "nqn.", "nqn.2", "nqn.2014-", "nqn.2014-08",
		"nqn.2014-08.", "nqn.2014-08.org.", "nqn.2014-08.org.exa",
		"nqn.2014-08.org.example:", UUID, UUID "12345678-1"};
	// NOLINTEND(bugprone-suspicious-missing-comma)
	char longest[NVME_NQN_MAX + 2] = "nqn.2014-08.org.example:";

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		assert_null(stoq_guard_nqn_flaw(whole[i], strlen(whole[i]), false));
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		assert_null(stoq_guard_nqn_flaw(prefixes[i], strlen(prefixes[i]), true));
	assert_non_null(stoq_guard_nqn_flaw("NQN.2", 5, true));
	assert_non_null(stoq_guard_nqn_flaw("db*", 2, true));
	memset(longest + strlen(longest), 'a', sizeof(longest) - 1 - strlen(longest));
	assert_null(stoq_guard_nqn_flaw(longest, NVME_NQN_MAX, false));
	assert_string_equal(stoq_guard_nqn_flaw(longest, NVME_NQN_MAX + 1, false),
		"is longer than an NQN can be, 223 bytes");
	assert_true(stoq_guard_nqn_lacks_name("nqn.2014-08.a", 13));
	assert_true(stoq_guard_nqn_lacks_name("nqn.2014-08.a:", 14));
	assert_false(stoq_guard_nqn_lacks_name(
		STOQ_GUARD_NQN_DISCOVERY, strlen(STOQ_GUARD_NQN_DISCOVERY)));
}

/* ---- warnings ---- */

struct told {
	size_t count;
	char text[4096];
};

static void remember(void *context, const struct stoq_guard_rule *rule, const char *text)
{
	struct told *told = context;
	size_t used = strlen(told->text);

	told->count++;
	snprintf(told->text + used, sizeof(told->text) - used, "%u: %s\n", rule ? rule->line : 0,
		text);
}

static void find(struct told *told, const char *text)
{
	struct stoq_guard_compiled *compiled;
	struct stoq_guard_policy policy;
	struct stoq_error error;

	*told = (struct told){0};
	if (stoq_guard_policy_parse(&policy, "p.yaml", text, strlen(text), &error) ||
		stoq_guard_compile(&policy, &compiled, &error)) {
		fail_msg("%s", error.text);
		return;
	}
	stoq_guard_warnings_find(&policy, compiled, remember, told);
	stoq_guard_policy_free(&policy);
	free(compiled);
}

/* rules: in a flow sequence. expected: NULL for none, else in the only warning. */
static void expect(const char *verdict, const char *rules, const char *expected)
{
	struct told told;
	char text[2048];

	snprintf(text, sizeof(text), "version: 1\ndefault: %s\nrules: [%s]\n", verdict, rules);
	find(&told, text);
	if (told.count != (expected != NULL) || (expected && !strstr(told.text, expected)))
		fail_msg("%s\nis warned about with:\n%s", text, told.text);
}

static void hosts_that_cannot_connect(void **state)
{
	(void)state;
	expect("deny", "",
		"no host can connect: the policy refuses Connect, Property Get, Property Set, "
		"Identify, Set Features, Keep Alive");
	expect("deny", "{commands: [reads, writes], verdict: allow}", "no host can connect");
	expect("deny", "{commands: [admin], namespace: 1, verdict: allow}", "no host can connect");
	expect("deny", "{commands: [admin], verdict: log}", "no host can connect");
	expect("deny",
		"{commands: [Connect, Property Get, Property Set, Set Features, Keep Alive], "
		"verdict: allow}",
		"the policy refuses Identify to every host");
	expect("allow", "{commands: [Identify], verdict: deny}", "the policy refuses Identify to");
	expect("allow", "{commands: [admin], verdict: deny}", "no host can connect");
	expect("allow", "{verdict: deny}", "no host can connect");
	expect("deny", "{commands: [admin], verdict: allow}", NULL);
	expect("deny", "{verdict: allow}", NULL);
	expect("allow", "", NULL);
	/* One host of several. */
	expect("allow", "{host: nqn.2014-08.a:b, verdict: deny}", NULL);
	expect("deny", "{host: nqn.2014-08.a:b, commands: [admin], verdict: allow}", NULL);
	expect("deny",
		"{host: nqn.2014-08.a:b, verdict: allow}, {host: nqn.2014-08.a:c, commands: "
		"[reads], verdict: allow}",
		"3: rule 2 allows commands of hosts that cannot connect");
	expect("deny",
		"{host: nqn.2014-08.a*, verdict: allow}, {subsystem: nqn.2014-08.s:s, commands: "
		"[reads], verdict: allow}",
		NULL);
	expect("deny",
		"{host: nqn.2014-08.a*, commands: [admin], verdict: allow}, "
		"{host: nqn.2014-08.a:b, commands: [reads], verdict: allow}",
		NULL);
	expect("deny",
		"{host: nqn.2014-08.a:b, commands: [admin], verdict: allow}, "
		"{host: nqn.2014-08.a*, commands: [reads], verdict: allow}",
		NULL);
	expect("deny",
		"{subsystem: nqn.2014-08.s:s, commands: [admin], verdict: allow}, "
		"{subsystem: nqn.2014-08.s:t, commands: [reads], verdict: allow}",
		"rule 2 allows commands of hosts that cannot connect");
}

static void rules_that_never_match(void **state)
{
	(void)state;
	expect("allow", "{commands: [Identify], lba: 0+8, verdict: deny}",
		"never matches: such commands touch no logical blocks");
	expect("allow", "{commands: [Flush], lba: 0+8, verdict: deny}", "touch no logical blocks");
	expect("allow", "{commands: [Connect], lba: 0+8, verdict: deny}",
		"touch no logical blocks");
	expect("allow", "{commands: [Write, Flush], lba: 0+8, verdict: deny}",
		"never matches Flush: ");
	expect("allow", "{commands: [writes], lba: 0+8, verdict: deny}", NULL);
	expect("allow", "{commands: [Format NVM], lba: 0+8, verdict: deny}", NULL);
	expect("allow", "{commands: [Format NVM], lba: 0+8, verdict: allow}",
		"may touch any block");
	expect("allow", "{commands: [Zone Append], lba: 0+8, verdict: allow}",
		"may touch any block");
	expect("allow", "{commands: [Dataset Management], lba: 0+8, verdict: allow}", NULL);
	expect("allow", "{commands: [Format NVM], lba: 0-18446744073709551615, verdict: allow}",
		NULL);
	expect("allow", "{commands: [Connect], namespace: 1, verdict: deny}", "carry no namespace");
	expect("allow", "{commands: [Keep Alive], namespace: 1, verdict: log}",
		"carry no namespace");
	expect("allow", "{commands: [Write, Firmware Commit], namespace: 1, verdict: deny}",
		"never matches Firmware Commit");
	expect("allow", "{commands: [Sanitize], namespace: 1, verdict: deny}", NULL);
	expect("allow", "{commands: [Sanitize], namespace: 1, verdict: allow}",
		"only rules without `namespace`");
	expect("allow", "{commands: [Sanitize], lba: 0+8, verdict: allow}", "may touch any block");
	expect("allow", "{commands: [destructive], namespace: 1, verdict: deny}", NULL);
	expect("allow",
		"{subsystem: " STOQ_GUARD_NQN_DISCOVERY ", commands: [reads], verdict: deny}",
		"no I/O queues");
	expect("allow", "{subsystem: " STOQ_GUARD_NQN_DISCOVERY ", namespace: 1, verdict: deny}",
		"no namespaces");
	expect("allow", "{subsystem: " STOQ_GUARD_NQN_DISCOVERY ", lba: 0+8, verdict: log}",
		"no namespaces");
	expect("allow",
		"{subsystem: " STOQ_GUARD_NQN_DISCOVERY ", commands: [Connect], verdict: deny}",
		NULL);
	expect("allow", "{host: " STOQ_GUARD_NQN_DISCOVERY ", verdict: deny}", "no host has it");
	expect("allow", "{host: nqn.2014-08.org.example, verdict: deny}", "put * behind it");
}

static void rules_that_others_decide(void **state)
{
	(void)state;
	expect("allow",
		"{commands: [Write], verdict: deny}, {commands: [Read], verdict: deny}, {commands: "
		"[Read, Write], namespace: 1, verdict: allow}",
		"rule 3 has no effect: the rules before it");
	expect("allow",
		"{commands: [Write], verdict: deny}, {commands: [Read], verdict: deny}, {commands: "
		"[Read, Write, Flush], verdict: deny}",
		NULL);
	expect("allow",
		"{namespace: 1, verdict: deny, commands: [Write]}, {namespace: 2, verdict: deny, "
		"commands: [Write]}, {namespaces: [1, 2], verdict: log, commands: [Write]}",
		"rule 3 has no effect");
	expect("allow",
		"{namespace: 1, verdict: deny, commands: [Write]}, {namespace: 2, verdict: deny, "
		"commands: [Write]}, {namespaces: [1, 3], verdict: log, commands: [Write]}",
		NULL);
	expect("allow",
		"{commands: [Write], lba: 0-99, verdict: deny}, {commands: [Write], lba: 100-199, "
		"verdict: deny}, {commands: [Write], lba: 50-150, verdict: log}",
		"rule 3 has no effect");
	expect("allow",
		"{commands: [Write], lba: 0-99, verdict: deny}, {commands: [Write], lba: 101-199, "
		"verdict: deny}, {commands: [Write], lba: 50-150, verdict: log}",
		NULL);
	expect("allow",
		"{commands: [Write], lba: 0-99, verdict: allow}, {commands: [Write], lba: 100-199, "
		"verdict: allow}, {commands: [Write], lba: 50-150, verdict: deny}",
		NULL);
}

static void limits_that_count_on_strict(void **state)
{
	struct told told;

	(void)state;
	find(&told, "version: 1\ndefault: allow\nstrict: false\nlimits: [{name: l, iops: 5}]\n");
	assert_int_equal(told.count, 1);
	assert_non_null(strstr(told.text, "`limits` count on `strict: true`"));
	find(&told, "version: 1\ndefault: allow\nlimits: [{name: l, iops: 5}]\n");
	assert_int_equal(told.count, 0);
	find(&told, "version: 1\ndefault: allow\nstrict: false\n");
	assert_int_equal(told.count, 0);
}

static void examples_are_quiet(void **state)
{
	DIR *folder = opendir(EXAMPLES_DIR);
	const struct dirent *entry;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		struct stoq_guard_texts texts = {.count = 0};
		struct stoq_error error;
		struct told told;
		char path[512];

		if (!strstr(entry->d_name, ".yaml"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", EXAMPLES_DIR, entry->d_name);
		assert_int_equal(stoq_guard_texts_read(&texts, "the policy", path, &error), 0);
		find(&told, texts.items[0].text);
		if (told.count)
			fail_msg("%s: %s", path, told.text);
		stoq_guard_texts_free(&texts);
	}
	closedir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(names_that_are),
		cmocka_unit_test(hosts_that_cannot_connect),
		cmocka_unit_test(rules_that_never_match),
		cmocka_unit_test(rules_that_others_decide),
		cmocka_unit_test(limits_that_count_on_strict),
		cmocka_unit_test(examples_are_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
