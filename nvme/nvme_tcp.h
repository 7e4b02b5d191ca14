/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVMe/TCP PDUs: NVM Express TCP Transport Specification 1.0c, section 3.6, checked against
 * Linux include/linux/nvme-tcp.h. All multi-byte fields are little endian. Used by BPF too.
 */
#include "nvme/nvme.h"

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

/* Common header, all PDUs. */
struct nvme_tcp_hdr {
	__u8 type;
	__u8 flags;
	__u8 hlen;
	__u8 pdo;    /* offset of the data from the start of the PDU; 0: none */
	__le32 plen; /* whole PDU: header, digests, padding, data */
};
NVME_ASSERT_SIZE(struct nvme_tcp_hdr, 8);

/* ICReq and ICResp: they differ in the name of two fields only. */
struct nvme_tcp_icreq_pdu {
	struct nvme_tcp_hdr hdr;
	__le16 pfv;
	__u8 hpda;     /* 0's based, in dwords, 0..31 */
	__u8 digest;   /* bit 0: header digest, bit 1: data digest */
	__le32 maxr2t; /* 0's based */
	__u8 rsvd16[112];
};
NVME_ASSERT_SIZE(struct nvme_tcp_icreq_pdu, 128);

struct nvme_tcp_icresp_pdu {
	struct nvme_tcp_hdr hdr;
	__le16 pfv;
	__u8 cpda;
	__u8 digest;
	__le32 maxh2cdata; /* bytes, >= 4096, a multiple of 4 */
	__u8 rsvd16[112];
};
NVME_ASSERT_SIZE(struct nvme_tcp_icresp_pdu, 128);

/* H2CTermReq and C2HTermReq; the start of the PDU in error follows as data. */
struct nvme_tcp_term_pdu {
	struct nvme_tcp_hdr hdr;
	__le16 fes;
	__le16 fei_low;
	__le16 fei_high;
	__u8 rsvd14[10];
};
NVME_ASSERT_SIZE(struct nvme_tcp_term_pdu, 24);
#define NVME_TCP_TERM_PLEN_MAX 152

struct nvme_tcp_cmd_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_sqe sqe;
};
NVME_ASSERT_SIZE(struct nvme_tcp_cmd_pdu, 72);

struct nvme_tcp_rsp_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_cqe cqe;
};
NVME_ASSERT_SIZE(struct nvme_tcp_rsp_pdu, 24);

/* H2CData and C2HData (which has no TTAG: reserved). */
struct nvme_tcp_data_pdu {
	struct nvme_tcp_hdr hdr;
	__le16 command_id;
	__le16 ttag;
	__le32 data_offset;
	__le32 data_length;
	__u8 rsvd20[4];
};
NVME_ASSERT_SIZE(struct nvme_tcp_data_pdu, 24);
NVME_ASSERT_OFFSET(struct nvme_tcp_data_pdu, data_length, 16);

struct nvme_tcp_r2t_pdu {
	struct nvme_tcp_hdr hdr;
	__le16 command_id;
	__le16 ttag;
	__le32 r2t_offset;
	__le32 r2t_length;
	__u8 rsvd20[4];
};
NVME_ASSERT_SIZE(struct nvme_tcp_r2t_pdu, 24);
