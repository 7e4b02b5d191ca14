// SPDX-License-Identifier: BSD-2-Clause
#include "guard/cli_words.h"

#include <ctype.h>
#include <stddef.h>

/* nvme-cli 2.x, nvme-builtin.h; words that are the specification's names are not here. */
static const struct stoq_guard_cli_word words[] = {
	{"dsm", "Dataset Management", true},
	{"write-uncor", "Write Uncorrectable", true},
	{"write-zeros", "Write Zeroes", true},
	{"format", "Format NVM", true},
	{"fw-download", "Firmware Image Download", true},
	{"fw-commit", "Firmware Commit", true},
	{"fw-activate", "Firmware Commit", true},
	{"device-self-test", "Device Self-test", true},
	{"self-test", "Device Self-test", true},
	{"dir-send", "Directive Send", true},
	{"dir-receive", "Directive Receive", true},
	{"virt-mgmt", "Virtualization Management", true},
	{"capacity-mgmt", "Capacity Management", true},
	{"security-recv", "Security Receive", true},
	{"resv-register", "Reservation Register", true},
	{"resv-acquire", "Reservation Acquire", true},
	{"resv-release", "Reservation Release", true},
	{"resv-report", "Reservation Report", true},
	{"io-mgmt-recv", "I/O Management Receive", true},
	{"io-mgmt-send", "I/O Management Send", true},
	{"get-property", "Property Get", true},
	{"set-property", "Property Set", true},
	{"get-feature", "Get Features", true},
	{"set-feature", "Set Features", true},
	{"get-log", "Get Log Page", true},
	{"nvme-mi-recv", "NVMe-MI Receive", true},
	{"create-ns", "Namespace Management", false},
	{"delete-ns", "Namespace Management", false},
	{"attach-ns", "Namespace Attachment", false},
	{"detach-ns", "Namespace Attachment", false},
	{"id-ctrl", "Identify", false},
	{"id-ns", "Identify", false},
	{"list-ns", "Identify", false},
	{"list-ctrl", "Identify", false},
	{"smart-log", "Get Log Page", false},
	{"error-log", "Get Log Page", false},
	{"fw-log", "Get Log Page", false},
	{"sanitize-log", "Get Log Page", false},
	{"self-test-log", "Get Log Page", false},
	{"discover", "Get Log Page", false},
	{"connect-all", "Connect", false},
	{"reset", NULL, false},
	{"subsystem-reset", NULL, false},
	{"ns-rescan", NULL, false},
};

static bool is_gap(char c)
{
	return c == '-' || c == '_' || c == ' ';
}

static bool is_same(const char *a, const char *b)
{
	while (*a && (is_gap(*a) ? is_gap(*b)
				 : tolower((unsigned char)*a) == tolower((unsigned char)*b))) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct stoq_guard_cli_word *stoq_guard_cli_find(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_same(words[i].word, word))
			return &words[i];
	return NULL;
}
