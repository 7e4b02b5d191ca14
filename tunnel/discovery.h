/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The discovery log (Base specification 2.0c, 5.16.1.23): its entries name addresses of the
 * target's network. A host behind a tunnel has to be told those of the tunnel instead.
 *
 * Pure, no allocation.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

#define NVME_LOG_DISCOVERY 0x70

#define NVME_DISCOVERY_TRTYPE_TCP  3
#define NVME_DISCOVERY_ADRFAM_IPV4 1
#define NVME_DISCOVERY_ADRFAM_IPV6 2
#define NVME_DISCOVERY_TRSVCID	   32
#define NVME_DISCOVERY_TRADDR	   256

/* The log begins with 1024 bytes of its own, then entries follow. */
#define NVME_DISCOVERY_LOG_HEADER 1024

struct nvme_discovery_entry {
	__u8 trtype;
	__u8 adrfam;
	__u8 subtype;
	__u8 treq; /* bits 1:0: a secure channel is 0 not specified, 1 required, 2 not required */
	__le16 portid;
	__le16 cntlid;
	__le16 asqsz;
	__le16 eflags;
	__u8 rsvd12[20];
	char trsvcid[NVME_DISCOVERY_TRSVCID]; /* ASCII, padded with spaces or NUL */
	__u8 rsvd64[192];
	char subnqn[NVME_NQN_LENGTH];
	char traddr[NVME_DISCOVERY_TRADDR];
	__u8 tsas[256]; /* TCP: the first byte is SECTYPE, 0 none, 1 and 2 TLS */
};
NVME_ASSERT_SIZE(struct nvme_discovery_entry, 1024);
NVME_ASSERT_OFFSET(struct nvme_discovery_entry, trsvcid, 32);
NVME_ASSERT_OFFSET(struct nvme_discovery_entry, subnqn, 256);
NVME_ASSERT_OFFSET(struct nvme_discovery_entry, traddr, 512);

/* Where a host reaches it instead. */
struct stoq_discovery_address {
	char traddr[NVME_DISCOVERY_TRADDR];
	char trsvcid[NVME_DISCOVERY_TRSVCID];
	bool ipv6;
};

/* Finds the address in place of one of the log, both as texts. False: it stays as it is. */
typedef bool stoq_discovery_map(void *context, const char *traddr, const char *trsvcid,
	struct stoq_discovery_address *address);

/*
 * Rewrites the entries of TCP that lie as a whole in `data`, which begins `at` bytes into the log;
 * how many were changed. TREQ and SECTYPE ask for no secure channel afterwards, as the tunnel is
 * one.
 */
unsigned int stoq_discovery_rewrite(
	uint64_t at, uint8_t *data, size_t size, stoq_discovery_map *map, void *context);

/* Is this Get Log Page of the discovery log? Then *at is the offset that it asks for. */
bool stoq_discovery_asked(const struct nvme_sqe *sqe, uint64_t *at);
