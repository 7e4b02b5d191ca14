// SPDX-License-Identifier: BSD-2-Clause
#include "target/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_WAIT_MS 5000
#define GATE_FD	     3

/* Of /proc/PID/stat, as proc(5) counts them. */
#define FIELD_STATE	 3
#define FIELD_START_TIME 22

/* The count-th field from here, which may be its end. Fields are separated by one space. */
static const char *field(const char *text, int count)
{
	text += strspn(text, " ");
	for (; count > 0; count--) {
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
	return text;
}

int stoq_process_identify(pid_t pid, struct stoq_process *process)
{
	char path[64], text[1024];
	const char *rest;
	size_t length;
	char state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -ESRCH;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	/* The program's name, in parentheses, may contain anything: look behind the last one. */
	rest = strrchr(text, ')');
	if (!length || !rest)
		return length ? -EPROTO : -ESRCH;
	rest = field(rest + 1, 0);
	state = *rest;
	process->start_time = strtoull(field(rest, FIELD_START_TIME - FIELD_STATE), NULL, 10);
	if (!process->start_time)
		return -EPROTO;
	process->pid = pid;
	return state == 'Z' || state == 'X' ? -ESRCH : 0;
}

bool stoq_process_is_alive(const struct stoq_process *process)
{
	struct stoq_process now;

	return process->pid > 0 && stoq_process_identify(process->pid, &now) == 0 &&
	       now.start_time == process->start_time;
}

/* In the child: nothing here may allocate or return. */
__attribute__((noreturn)) static void child_main(
	int gate, const char *const *argv, const char *log_path)
{
	char go;
	int log, null, code;

	/* First of all let go of what we inherited: the caller's lock would be held by us too. */
	if (gate != GATE_FD && dup2(gate, GATE_FD) < 0)
		_exit(EXIT_FAILURE);
	gate = GATE_FD;
	fcntl(gate, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, GATE_FD + 1, ~0U, 0);
	if (read(gate, &go, 1) != 1)
		_exit(EXIT_FAILURE);
	setsid();
	null = open("/dev/null", O_RDONLY);
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
		dup2(log, STDERR_FILENO) < 0)
		goto failed;
	if (null > STDERR_FILENO)
		close(null);
	if (log > STDERR_FILENO)
		close(log);
	execv(argv[0], (char *const *)argv);
failed:
	code = errno;
	if (write(gate, &code, sizeof(code)) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

int stoq_spawn_prepare(struct stoq_spawn *spawn, const char *const *argv, const char *log_path,
	struct stoq_error *error)
{
	int gates[2], ret;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gates))
		return stoq_error_set(error, -errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(gates[0]);
		child_main(gates[1], argv, log_path);
	}
	ret = -errno;
	close(gates[1]);
	if (pid > 0)
		ret = stoq_process_identify(pid, &spawn->process);
	if (ret) {
		close(gates[0]);
		return stoq_error_set(error, ret, "cannot start a process: %s", strerror(-ret));
	}
	spawn->gate = gates[0];
	return 0;
}

int stoq_spawn_release(struct stoq_spawn *spawn, const char *path, struct stoq_error *error)
{
	int code = 0, ret = 0;
	ssize_t length;

	if (send(spawn->gate, "g", 1, MSG_NOSIGNAL) != 1)
		ret = -errno;
	do {
		length = read(spawn->gate, &code, sizeof(code));
	} while (length < 0 && errno == EINTR);
	close(spawn->gate);
	spawn->gate = -1;
	/* The end of the stream is success: exec closed the other side. */
	if (!ret && length == (ssize_t)sizeof(code))
		ret = -code;
	return ret ? stoq_error_set(error, ret, "cannot run %s: %s", path, strerror(-ret)) : 0;
}

/* Waits until the process behind pidfd has ended; reaps it if it is our child. */
static bool has_ended(int pidfd, pid_t pid, unsigned int timeout_ms)
{
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};
	int ready;

	do {
		ready = poll(&poller, 1, (int)timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return false;
	waitpid(pid, NULL, WNOHANG);
	return true;
}

static int end_process(int pidfd, pid_t pid, unsigned int grace_ms, struct stoq_error *error)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) && errno != ESRCH)
		return stoq_error_set(
			error, -errno, "cannot end process %d: %s", (int)pid, strerror(errno));
	if (has_ended(pidfd, pid, grace_ms))
		return 0;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (has_ended(pidfd, pid, KILL_WAIT_MS))
		return 0;
	return stoq_error_set(
		error, -ETIMEDOUT, "process %d does not end, even by SIGKILL", (int)pid);
}

int stoq_process_stop(
	const struct stoq_process *process, unsigned int grace_ms, struct stoq_error *error)
{
	struct stoq_process now = {0, 0};
	int pidfd, found, ret = 0;

	if (process->pid <= 0)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? 0
				      : stoq_error_set(error, -errno, "pidfd_open %d: %s",
						(int)process->pid, strerror(errno));
	/* Only now is it certain whom the descriptor names. */
	found = stoq_process_identify(process->pid, &now);
	if (now.pid == process->pid && now.start_time == process->start_time) {
		/* A zombie's other threads may still be ending, and hold its sockets until then. */
		if (found == -ESRCH)
			has_ended(pidfd, process->pid, KILL_WAIT_MS);
		else
			ret = end_process(pidfd, process->pid, grace_ms, error);
	}
	close(pidfd);
	return ret;
}
