// SPDX-License-Identifier: BSD-2-Clause
#include "tool/guard/journal.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"
#define FACILITY       3 /* daemon (RFC 5424, 6.2.1) */
#define ENTRY_MAX      16384

static int connect_to(const char *path)
{
	/* Someone who reads slowly holds this up; who does not read at all does not. */
	const struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

int guard_journal_open(struct guard_journal *journal, struct stoq_error *error)
{
	*journal = (struct guard_journal){.fd = connect_to(JOURNAL_SOCKET), .native = true};
	if (journal->fd >= 0)
		return 0;
	journal->fd = connect_to(SYSLOG_SOCKET);
	journal->native = false;
	if (journal->fd >= 0)
		return 0;
	return stoq_error_set(error, -ENOENT,
		"nobody listens at " JOURNAL_SOCKET ", nor at " SYSLOG_SOCKET
		": start systemd-journald or a syslog daemon, or leave out --journal");
}

void guard_journal_close(struct guard_journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}

const char *guard_journal_name(const struct guard_journal *journal)
{
	return journal->native ? "systemd's journal" : "syslog";
}

/* ---- entries ---- */

static void put_field(FILE *entry, const char *key, const char *value)
{
	fputs("STOQ_", entry);
	for (; *key; key++)
		fputc(toupper((unsigned char)*key), entry);
	fputc('=', entry);
	/* A newline would begin another field. There is none: texts from the wire were made harmless. */
	for (; *value && *value != '\n'; value++)
		fputc(*value, entry);
	fputc('\n', entry);
}

static void put_fields(FILE *entry, struct json_object *fields)
{
	json_object_object_foreach(fields, key, value)
	{
		enum json_type type = json_object_get_type(value);

		if (type != json_type_null && type != json_type_object && type != json_type_array)
			put_field(entry, key, json_object_get_string(value));
	}
}

/* A daemon that was started again has made its socket again, too: ours leads to the one that is gone. */
static bool is_gone(int code)
{
	return code == ECONNREFUSED || code == ECONNRESET || code == ENOTCONN || code == EPIPE;
}

/* For as long as an entry is waited for, a second, unless the one before was not taken. */
static bool connect_again(struct guard_journal *journal)
{
	const char *path = journal->native ? JOURNAL_SOCKET : SYSLOG_SOCKET;
	int fd = connect_to(path);

	for (int i = 0; fd < 0 && !journal->stuck && i < 10; i++) {
		poll(NULL, 0, 100);
		fd = connect_to(path);
	}
	if (fd < 0)
		return false;
	close(journal->fd);
	journal->fd = fd;
	return true;
}

static void send_entry(struct guard_journal *journal, const char *text, size_t size)
{
	int flags = MSG_NOSIGNAL | (journal->stuck ? MSG_DONTWAIT : 0);
	bool sent = send(journal->fd, text, size, flags) == (ssize_t)size;

	if (!sent && is_gone(errno) && connect_again(journal))
		sent = send(journal->fd, text, size, flags) == (ssize_t)size;
	journal->stuck = !sent;
	journal->lost += !sent;
}

void guard_journal_send(struct guard_journal *journal, enum guard_journal_priority priority,
	const char *message, struct json_object *fields)
{
	char text[ENTRY_MAX];
	FILE *entry = fmemopen(text, sizeof(text), "w");
	long size;

	if (!entry) {
		journal->lost++;
		return;
	}
	if (journal->native) {
		fprintf(entry, "PRIORITY=%d\nSYSLOG_IDENTIFIER=stoq-guard\nMESSAGE=%s\n", priority,
			message);
		if (fields)
			put_fields(entry, fields);
	} else {
		fprintf(entry, "<%d>stoq-guard[%d]: %s", FACILITY * 8 + priority, (int)getpid(),
			message);
	}
	size = ftell(entry);
	if (fclose(entry) || size < 0)
		journal->lost++;
	else
		send_entry(journal, text, (size_t)size);
}
