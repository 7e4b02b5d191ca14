// SPDX-License-Identifier: BSD-2-Clause
#include "guard/nqn.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "nvme/nvme.h"

#define START	   "nqn."
#define UUID_START "nqn.2014-08.org.nvmexpress:uuid:"
#define FORM                                                                                       \
	"is no NQN; write nqn.YYYY-MM.REVERSE-DOMAIN:NAME, such as nqn.2014-08.org.example:db7, "  \
	"or nqn.2014-08.org.nvmexpress:uuid:UUID"

static bool is_control(char c)
{
	return iscntrl((unsigned char)c) || c == ' ';
}

/* "YYYY-MM." or, of a prefix, what it begins with. */
static const char *flaw_of_date(const char *date, size_t length, bool prefix)
{
	static const char form[] = "dddd-dd.";

	for (size_t i = 0; i < strlen(form); i++) {
		if (i == length)
			return prefix ? NULL : FORM;
		if (form[i] == 'd' ? !isdigit((unsigned char)date[i]) : date[i] != form[i])
			return FORM;
	}
	if (date[5] > '1' || (date[5] == '1' && date[6] > '2') ||
		(date[5] == '0' && date[6] == '0'))
		return "is no NQN: its date, YYYY-MM behind nqn., has no such month";
	return NULL;
}

static bool may_be_in_domain(char c)
{
	return isalnum((unsigned char)c) || strchr("-_.", c) || (unsigned char)c >= 0x80;
}

/* Labels with dots between them, up to a colon or the end. */
static const char *flaw_of_domain(const char *domain, size_t length, bool prefix)
{
	const char *colon = memchr(domain, ':', length);
	size_t end = colon ? (size_t)(colon - domain) : length;
	bool open = prefix && !colon; /* more of it may follow */

	if (!end)
		return open ? NULL : FORM;
	for (size_t i = 0; i < end; i++) {
		bool empty = domain[i] == '.' &&
			     (i == 0 || domain[i - 1] == '.' || (i + 1 == end && !open));

		if (empty || !may_be_in_domain(domain[i]))
			return "is no NQN: behind its date an NQN has a domain in reverse order, "
			       "such as org.example, and behind that a colon and a name";
	}
	return NULL;
}

static const char *flaw_of_uuid(const char *uuid, size_t length, bool prefix)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	bool good = prefix ? length <= strlen(form) : length == strlen(form);

	for (size_t i = 0; good && i < length; i++)
		good = form[i] == 'x' ? isxdigit((unsigned char)uuid[i]) != 0 : uuid[i] == form[i];
	return good ? NULL
		    : "is no NQN: behind nqn.2014-08.org.nvmexpress:uuid: an NQN has a UUID of 32 "
		      "hexadecimal digits, 8-4-4-4-12, and nothing else";
}

static const char *flaw_of_start(const char *text, size_t length, bool prefix)
{
	size_t compared = length < strlen(START) ? length : strlen(START);

	if (strncasecmp(text, START, compared) != 0 || (compared < strlen(START) && !prefix))
		return FORM;
	return strncmp(text, START, compared) == 0
		       ? NULL
		       : "is no NQN: names are compared byte by byte; write nqn. in lower case";
}

const char *stoq_guard_nqn_flaw(const char *text, size_t length, bool prefix)
{
	const size_t date = strlen(START), domain = date + strlen("YYYY-MM.");
	const char *flaw;

	for (size_t i = 0; i < length; i++)
		if (is_control(text[i]))
			return "has a blank or control character; an NQN has none";
	if (length > NVME_NQN_MAX)
		return "is longer than an NQN can be, 223 bytes";
	flaw = flaw_of_start(text, length, prefix);
	if (!flaw && length >= date)
		flaw = flaw_of_date(text + date, length - date, prefix);
	if (!flaw && length >= domain)
		flaw = flaw_of_domain(text + domain, length - domain, prefix);
	if (!flaw && length >= strlen(UUID_START) &&
		strncmp(text, UUID_START, strlen(UUID_START)) == 0)
		flaw = flaw_of_uuid(text + strlen(UUID_START), length - strlen(UUID_START), prefix);
	return flaw;
}

bool stoq_guard_nqn_lacks_name(const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);

	if (length == strlen(STOQ_GUARD_NQN_DISCOVERY) &&
		memcmp(text, STOQ_GUARD_NQN_DISCOVERY, length) == 0)
		return false;
	return !colon || colon + 1 == text + length;
}

void stoq_guard_nqn_text(
	const __u64 words[static STOQ_GUARD_NQN_WORDS], char name[static NVME_NQN_LENGTH])
{
	memset(name, 0, NVME_NQN_LENGTH);
	for (size_t i = 0; i < STOQ_GUARD_NQN_BYTES && i + 1 < NVME_NQN_LENGTH; i++)
		name[i] = (char)(words[i / 8] >> (56 - 8 * (i % 8)) & 0xff);
}
