/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Where `stoq guard events --journal` writes: systemd's journal by its native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL), each event an entry with fields; syslog's /dev/log where there
 * is none, the text alone.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* As syslog(3) numbers them. */
enum guard_journal_priority {
	GUARD_JOURNAL_ERROR = 3,
	GUARD_JOURNAL_WARNING = 4,
	GUARD_JOURNAL_INFO = 6,
};

struct guard_journal {
	int fd;
	bool native;   /* the journal; else syslog */
	bool stuck;    /* the last entry was not taken: the next ones are not waited for */
	uint64_t lost; /* entries that nobody took within a second */
};

/* -ENOENT: there is neither. */
int guard_journal_open(struct guard_journal *journal, struct stoq_error *error);
void guard_journal_close(struct guard_journal *journal);

/* "systemd's journal" or "syslog" */
const char *guard_journal_name(const struct guard_journal *journal);

/*
 * One entry. Each member of fields (may be NULL) that is text, a number or a truth value becomes the
 * field STOQ_ and its key in capitals.
 */
void guard_journal_send(struct guard_journal *journal, enum guard_journal_priority priority,
	const char *message, struct json_object *fields);
