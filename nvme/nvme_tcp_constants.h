/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Numbers and limits of NVMe/TCP: NVM Express TCP Transport Specification 1.0c, section 3.6, checked against Linux
 * include/linux/nvme-tcp.h. Used by BPF too.
 */

/* The sender of a PDU, or of a direction's bytes. */
enum nvme_tcp_side {
	NVME_TCP_FROM_HOST = 0,
	NVME_TCP_FROM_CONTROLLER = 1,
	NVME_TCP_SIDES = 2,
};

enum nvme_tcp_pdu_type {
	NVME_TCP_ICREQ = 0x00,
	NVME_TCP_ICRESP = 0x01,
	NVME_TCP_H2C_TERM = 0x02,
	NVME_TCP_C2H_TERM = 0x03,
	NVME_TCP_CAPSULE_CMD = 0x04,
	NVME_TCP_CAPSULE_RESP = 0x05,
	NVME_TCP_H2C_DATA = 0x06,
	NVME_TCP_C2H_DATA = 0x07,
	NVME_TCP_R2T = 0x09, /* 08h is reserved */
	NVME_TCP_PDU_TYPES = 0x0a,
};

enum nvme_tcp_flag {
	NVME_TCP_FLAG_HDGST = 0x01,
	NVME_TCP_FLAG_DDGST = 0x02,
	NVME_TCP_FLAG_LAST = 0x04,
	NVME_TCP_FLAG_SUCCESS = 0x08,
};

#define NVME_TCP_DIGEST_LENGTH	4
#define NVME_TCP_HEADER_MAX	128	    /* the longest header: ICReq, ICResp */
#define NVME_TCP_PDO_MAX	144	    /* a command and its digest, aligned to 72 bytes */
#define NVME_TCP_DATA_MAX	(32u << 20) /* no PDU carries more data than this: our limit */
#define NVME_TCP_ADMIN_DATA_MAX 8192
#define NVME_TCP_MAXH2CDATA_MIN 4096
#define NVME_TCP_PORT		4420
#define NVME_TCP_DISCOVERY_PORT 8009
