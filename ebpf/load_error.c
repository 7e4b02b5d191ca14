// SPDX-License-Identifier: BSD-2-Clause
#include "ebpf/load_error.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/privileges.h"

#define LINES	   4
#define LINE_BYTES 160

/* The last lines that libbpf and the verifier wrote. */
static struct {
	char line[LINES][LINE_BYTES];
	unsigned int next;
} kept;

/* Statistics and frames at a verifier log's end say nothing about the reason. */
static int is_noise(const char *line, size_t length)
{
	static const char *const noise[] = {"processed ", "-- END", "-- BEGIN", "verification time",
		"stack depth", "libbpf: failed to load object",
		"libbpf: failed to load BPF skeleton", "libbpf: prog '"};

	if (length < 3)
		return 1;
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (strncmp(line, noise[i], strlen(noise[i])) == 0)
			return 1;
	return 0;
}

/* A verifier log comes as one message, which can have millions of bytes: its end counts. */
__attribute__((format(printf, 2, 0))) static int keep_message(
	enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *text, *line, *end;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, arguments) < 0)
		return 0;
	for (line = text; *line; line = end + (*end != '\0')) {
		end = line + strcspn(line, "\n");
		if (!is_noise(line, end - line))
			snprintf(kept.line[kept.next++ % LINES], LINE_BYTES, "%.*s",
				(int)(end - line), line);
	}
	free(text);
	return 0;
}

void stoq_libbpf_log_start(void)
{
	memset(&kept, 0, sizeof(kept));
	libbpf_set_print(keep_message);
}

static int missing_capabilities(char *text, size_t size)
{
	static const struct {
		unsigned int capability;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		{CAP_PERFMON, "CAP_PERFMON"}};
	size_t length = 0;

	text[0] = '\0';
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		return 0;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability))
			length += snprintf(text + length, size - length, "%s%s", length ? ", " : "",
				needed[i].name);
	return length > 0;
}

/* Whether the kernel takes a program that does nothing. */
static bool may_load_anything(void)
{
	/* return 0 */
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "stoq_may_load", "GPL", program, 2, NULL);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Without it a kernel does not know what the context of a global function is. */
static const char *missing_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", F_OK)
		       ? ", and for stoq watch and stoq guard CONFIG_DEBUG_INFO_BTF, which this "
			 "one lacks"
		       : "";
}

/* 0: none is. Whatever the error: without CAP_PERFMON some verifiers say EINVAL to our loops. */
static int lacks_capabilities(struct stoq_error *error)
{
	char missing[64];

	if (missing_capabilities(missing, sizeof(missing)))
		return stoq_error_set(error, -EPERM,
			"loading the BPF program needs capabilities that this process lacks: %s; "
			"%s",
			missing,
			geteuid() ? "run as root, or: setcap " STOQ_ALL_CAPABILITIES
				    " on the binary"
				  : "they were taken from root here (`stoq probe` says more)");
	return 0;
}

/* 0: it has what it needs, so it was the verifier. */
static int forbidden(struct stoq_error *error, int code)
{
	if (may_load_anything())
		return 0;
	return stoq_error_set(error, code,
		"this process may load no BPF program though it has the capabilities: a user "
		"namespace "
		"(a rootless container), seccomp or a security module is in the way (`stoq probe` "
		"says "
		"more)");
}

int stoq_load_error(struct stoq_error *error, int code, const char *kernel_options)
{
	char log[LINES * LINE_BYTES] = "";
	struct utsname system;
	size_t length = 0;
	int result = code == -ENOMEM ? 0 : lacks_capabilities(error);

	if (!result && (code == -EPERM || code == -EACCES))
		result = forbidden(error, code);
	if (result)
		return result;
	if (code == -ENOMEM)
		return stoq_error_set(error, code,
			"no kernel memory for the BPF program and its tables; a memory limit of "
			"the "
			"control group (memory.max, MemoryMax=, docker run --memory) counts it, "
			"too");
	for (unsigned int i = 0; i < LINES; i++) {
		const char *line = kept.line[(kept.next + i) % LINES];

		if (line[0] && length < sizeof(log) - 1)
			length += snprintf(log + length, sizeof(log) - length, "\n  %s", line);
	}
	uname(&system);
	return stoq_error_set(error, code,
		"the kernel (%s) did not accept the BPF program: %s; STOQ needs Linux 5.15 or "
		"newer with CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT and %s%s. The last lines of its "
		"log:%s",
		system.release, strerror(-code), kernel_options, missing_btf(), log);
}
