/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVMe/TCP PDUs: NVM Express TCP Transport Specification 1.0c, section 3.6, checked against
 * Linux include/linux/nvme-tcp.h. All multi-byte fields are little endian. Used by BPF too.
 */
#include "nvme/nvme.h"
#include "nvme/nvme_tcp_constants.h"

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
