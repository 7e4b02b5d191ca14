/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What a target shall be: filled in by a caller, with the pieces that people write as text
 * ("malloc:64M", "read:100us,2ms") parsed here. Strings are the caller's and must outlive
 * the config. Fixed arrays bound how much one target can be.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STOQ_TARGET_NAME_MAX	   32
#define STOQ_TARGET_NQN_MAX	   223 /* NVM Express Base, section 4.7: bytes without the 0 */
#define STOQ_TARGET_NAMESPACES_MAX 32
#define STOQ_TARGET_HOSTS_MAX	   32
#define STOQ_TARGET_PATH_MAX	   256

enum stoq_target_kind {
	STOQ_TARGET_SPDK,
	STOQ_TARGET_KERNEL,
};

enum stoq_medium {
	STOQ_MEDIUM_MALLOC, /* memory */
	STOQ_MEDIUM_NULL,   /* discards writes, reads whatever */
	STOQ_MEDIUM_NVME,   /* an NVMe controller's first namespace, by PCI address; SPDK only */
	STOQ_MEDIUM_PATH,   /* a block device or a file */
};

struct stoq_target_namespace {
	enum stoq_medium medium;
	uint64_t size_bytes;		     /* malloc, null */
	uint32_t block_bytes;		     /* malloc, null: 512 or 4096 */
	char location[STOQ_TARGET_PATH_MAX]; /* nvme: PCI address; path: absolute path */
};

/* Latency added to a command; 0: none. */
struct stoq_target_latency {
	uint64_t average_us;
	uint64_t p99_us;
};

struct stoq_target_config {
	enum stoq_target_kind kind;
	const char *name;		   /* "default" */
	const char *run_base;		   /* "/run/stoq" */
	const char *address;		   /* numeric IPv4 or IPv6, "127.0.0.1" */
	uint16_t port;			   /* 4420 */
	char nqn[STOQ_TARGET_NQN_MAX + 1]; /* "": nqn.2014-08.org.nvmexpress:stoq-NAME */
	struct stoq_target_namespace namespaces[STOQ_TARGET_NAMESPACES_MAX];
	size_t namespace_count; /* 0: one, malloc:64M */
	const char *hosts[STOQ_TARGET_HOSTS_MAX];
	size_t host_count; /* 0: any_host decides */
	bool any_host;	   /* any host may connect; on loopback so unless hosts are given */
	struct stoq_target_latency read_latency, write_latency;
	uint32_t fail_reads, fail_writes; /* the first so many end with a media error; SPDK only */
	unsigned int timeout_ms;	  /* how long start may wait: 30 s */

	/* SPDK only */
	const char *spdk_dir;	/* NULL: SPDK_DIR, then PATH */
	const char *core_mask;	/* NULL: the first CPU this process may use */
	uint64_t memory_mib;	/* 0: what the malloc namespaces need and 512 more */
	const char *huge_pages; /* "auto", "yes", "no" */
};

void stoq_target_config_init(struct stoq_target_config *config);

/* "malloc:SIZE[:BLOCK]", "null:SIZE[:BLOCK]", "nvme:PCI-ADDRESS", "/path". -EINVAL. */
int stoq_target_parse_namespace(
	struct stoq_target_namespace *out, const char *text, struct stoq_error *error);

/* "AVG[,P99]", with "read:" or "write:" in front for only these. P99 defaults to AVG. */
int stoq_target_parse_delay(
	struct stoq_target_config *config, const char *text, struct stoq_error *error);

/* "read:COUNT", "write:COUNT". */
int stoq_target_parse_fail(
	struct stoq_target_config *config, const char *text, struct stoq_error *error);

/* NAME of letters, digits, '-', '_' and '.', beginning with a letter or digit. */
int stoq_target_check_name(const char *name, struct stoq_error *error);

/* "nqn.YYYY-MM." and something behind it, printable, without '/' or blanks. */
int stoq_target_check_nqn(const char *nqn, struct stoq_error *error);

/* True for 127.0.0.0/8 and ::1. */
bool stoq_target_is_loopback(const char *address);

/* Fills in defaults that depend on other fields, then checks what belongs together. */
int stoq_target_config_finish(struct stoq_target_config *config, struct stoq_error *error);

/* One namespace as the user would write it. */
void stoq_target_describe_namespace(
	const struct stoq_target_namespace *namespace, char *text, size_t size);
