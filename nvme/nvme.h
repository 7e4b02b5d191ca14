/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVM Express: the submission and completion queue entries, and the Fabrics commands and
 * data that STOQ reads. Names and layouts follow the NVM Express Base Specification 2.0c
 * (section 3.3.3 queue entries, 6 Fabrics commands, figures as noted) and the NVM Command
 * Set Specification 1.0c. All multi-byte fields are little endian. Used by BPF too.
 */
#include "nvme/nvme_types.h"

/* SGL descriptor (Base 4.1.2); type byte: descriptor type in bits 7:4, subtype in 3:0. */
struct nvme_sgl_desc {
	__le64 addr;
	__le32 length;
	__u8 rsvd12[3];
	__u8 type;
};
NVME_ASSERT_SIZE(struct nvme_sgl_desc, 16);

enum nvme_sgl_type {
	NVME_SGL_DATA_BLOCK_OFFSET = 0x01,    /* data block, offset subtype: data in the capsule */
	NVME_SGL_TRANSPORT_DATA_BLOCK = 0x5a, /* transport data block: data in data PDUs */
};

/* Submission queue entry, common format (Base 3.3.3.1). */
struct nvme_sqe {
	__u8 opcode;
	__u8 flags; /* FUSE in bits 1:0, PSDT in bits 7:6 */
	__le16 command_id;
	__le32 nsid;
	__le32 cdw2;
	__le32 cdw3;
	__le64 metadata;
	struct nvme_sgl_desc sgl1;
	__le32 cdw10;
	__le32 cdw11;
	__le32 cdw12;
	__le32 cdw13;
	__le32 cdw14;
	__le32 cdw15;
};
NVME_ASSERT_SIZE(struct nvme_sqe, 64);
NVME_ASSERT_OFFSET(struct nvme_sqe, sgl1, 24);
NVME_ASSERT_OFFSET(struct nvme_sqe, cdw10, 40);

#define NVME_SQE_FUSE_MASK 0x03
#define NVME_SQE_PSDT_SGL  0x40 /* data by SGL: the only way over fabrics */

/* Completion queue entry (Base 3.3.3.2). The phase bit is 0 over fabrics. */
struct nvme_cqe {
	__le32 dw0;
	__le32 dw1;
	__le16 sqhd;
	__le16 sqid;
	__le16 command_id;
	__le16 status; /* phase in bit 0, then SC 8:1, SCT 11:9, CRD 13:12, M 14, DNR 15 */
};
NVME_ASSERT_SIZE(struct nvme_cqe, 16);
NVME_ASSERT_OFFSET(struct nvme_cqe, status, 14);

/*
 * A status without its flags, as STOQ keeps and prints it: SCT << 8 | SC.
 * nvme_status_code() takes it out of the CQE's status field.
 */
#define NVME_STATUS(sct, sc) ((__u16)((sct) << 8 | (sc)))
#define NVME_CQE_STATUS_DNR  0x8000
static inline __u16 nvme_status_code(__u16 cqe_status)
{
	return (cqe_status >> 1) & 0x7ff;
}

/* Which table an opcode belongs to. Over fabrics the opcode alone does not tell. */
enum nvme_queue_kind {
	NVME_QUEUE_ADMIN = 0,
	NVME_QUEUE_IO = 1,
};

enum nvme_admin_opcode {
	NVME_ADMIN_GET_LOG_PAGE = 0x02,
	NVME_ADMIN_IDENTIFY = 0x06,
	NVME_ADMIN_ABORT = 0x08,
	NVME_ADMIN_SET_FEATURES = 0x09,
	NVME_ADMIN_GET_FEATURES = 0x0a,
	NVME_ADMIN_ASYNC_EVENT_REQUEST = 0x0c,
	NVME_ADMIN_NAMESPACE_MANAGEMENT = 0x0d,
	NVME_ADMIN_FIRMWARE_COMMIT = 0x10,
	NVME_ADMIN_FIRMWARE_DOWNLOAD = 0x11,
	NVME_ADMIN_NAMESPACE_ATTACHMENT = 0x15,
	NVME_ADMIN_KEEP_ALIVE = 0x18,
	NVME_ADMIN_FORMAT_NVM = 0x80,
	NVME_ADMIN_SECURITY_SEND = 0x81,
	NVME_ADMIN_SECURITY_RECEIVE = 0x82,
	NVME_ADMIN_SANITIZE = 0x84,
};

enum nvme_nvm_opcode {
	NVME_NVM_FLUSH = 0x00,
	NVME_NVM_WRITE = 0x01,
	NVME_NVM_READ = 0x02,
	NVME_NVM_WRITE_UNCORRECTABLE = 0x04,
	NVME_NVM_COMPARE = 0x05,
	NVME_NVM_WRITE_ZEROES = 0x08,
	NVME_NVM_DATASET_MANAGEMENT = 0x09,
	NVME_NVM_VERIFY = 0x0c,
	NVME_NVM_RESERVATION_REGISTER = 0x0d,
	NVME_NVM_RESERVATION_REPORT = 0x0e,
	NVME_NVM_RESERVATION_ACQUIRE = 0x11,
	NVME_NVM_RESERVATION_RELEASE = 0x15,
	NVME_NVM_COPY = 0x19,
	NVME_ZNS_ZONE_APPEND = 0x7d,
};

#define NVME_OPCODE_FABRICS 0x7f

#define NVME_IDENTIFY_CONTROLLER 0x01 /* CNS, bits 7:0 of CDW10 (Base 5.17) */
#define NVME_IDENTIFY_IOCCSZ	 1792 /* offset of this field, 4 bytes, in its data */

enum nvme_fabrics_type {
	NVME_FABRICS_PROPERTY_SET = 0x00,
	NVME_FABRICS_CONNECT = 0x01,
	NVME_FABRICS_PROPERTY_GET = 0x04,
	NVME_FABRICS_AUTH_SEND = 0x05,
	NVME_FABRICS_AUTH_RECEIVE = 0x06,
	NVME_FABRICS_DISCONNECT = 0x08,
};

/* Fabrics command, common part (Base 6): the fabrics type stands where the NSID would. */
struct nvme_fabrics_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 command_id;
	__u8 fctype;
	__u8 rsvd5[35];
	__u8 fctype_specific[24];
};
NVME_ASSERT_SIZE(struct nvme_fabrics_sqe, 64);

/* Fabrics Connect (Base 6.3). */
struct nvme_connect_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 command_id;
	__u8 fctype;
	__u8 rsvd5[19];
	struct nvme_sgl_desc sgl1;
	__le16 recfmt;
	__le16 qid;
	__le16 sqsize; /* 0's based */
	__u8 cattr;
	__u8 rsvd47;
	__le32 kato_ms;
	__u8 rsvd52[12];
};
NVME_ASSERT_SIZE(struct nvme_connect_sqe, 64);
NVME_ASSERT_OFFSET(struct nvme_connect_sqe, qid, 42);
NVME_ASSERT_OFFSET(struct nvme_connect_sqe, kato_ms, 48);

#define NVME_CONNECT_CATTR_DISABLE_SQ_FLOW 0x04

/* Property Get and Set (Base 6.5, 6.6). */
struct nvme_property_sqe {
	__u8 opcode;
	__u8 flags;
	__le16 command_id;
	__u8 fctype;
	__u8 rsvd5[35];
	__u8 attrib; /* bits 2:0: 0 is 4 bytes, 1 is 8 bytes */
	__u8 rsvd41[3];
	__le32 offset;
	__le64 value; /* Set only */
	__u8 rsvd56[8];
};
NVME_ASSERT_SIZE(struct nvme_property_sqe, 64);
NVME_ASSERT_OFFSET(struct nvme_property_sqe, value, 48);

#define NVME_NQN_LENGTH 256 /* of the field, padded with NUL */
#define NVME_NQN_MAX	223 /* of the longest NQN, without NUL */

/* Connect data, 1024 bytes (Base 6.3, Connect Command Data). */
struct nvme_connect_data {
	__u8 hostid[16];
	__le16 cntlid; /* FFFFh: dynamic; the response carries the one assigned */
	__u8 rsvd18[238];
	char subnqn[NVME_NQN_LENGTH];
	char hostnqn[NVME_NQN_LENGTH];
	__u8 rsvd768[256];
};
NVME_ASSERT_SIZE(struct nvme_connect_data, 1024);
NVME_ASSERT_OFFSET(struct nvme_connect_data, subnqn, 256);
NVME_ASSERT_OFFSET(struct nvme_connect_data, hostnqn, 512);

/* Identify Namespace (NVM Command Set 4.1.5.1): what STOQ reads of its 4096 bytes. */
struct nvme_lba_format {
	__le16 metadata_bytes;
	__u8 lba_data_size; /* LBADS: a power of two */
	__u8 relative_performance;
};
NVME_ASSERT_SIZE(struct nvme_lba_format, 4);

struct nvme_identify_namespace {
	__le64 nsze; /* logical blocks */
	__le64 ncap;
	__le64 nuse;
	__u8 nsfeat;
	__u8 nlbaf; /* 0's based */
	__u8 flbas; /* format in use: bits 3:0, and above them bits 6:5 */
	__u8 rsvd27[77];
	__u8 nguid[16];
	__u8 eui64[8];
	struct nvme_lba_format lbaf[64];
	__u8 rsvd384[3712];
};
NVME_ASSERT_SIZE(struct nvme_identify_namespace, 4096);
NVME_ASSERT_OFFSET(struct nvme_identify_namespace, nguid, 104);
NVME_ASSERT_OFFSET(struct nvme_identify_namespace, lbaf, 128);

/* Identify Controller (Base 5.17.2.1): what STOQ reads of its 4096 bytes. */
struct nvme_identify_controller {
	__le16 vid;
	__le16 ssvid;
	char sn[20]; /* ASCII, padded with spaces */
	char mn[40];
	char fr[8];
	__u8 rab;
	__u8 ieee[3];
	__u8 cmic;
	__u8 mdts; /* power of two in units of the minimum memory page size; 0: no limit */
	__le16 cntlid;
	__le32 ver;
	__u8 rsvd84[684];
	char subnqn[NVME_NQN_LENGTH];
	__u8 rsvd1024[768];
	__le32 ioccsz; /* I/O capsule size, 16-byte units */
	__le32 iorcsz;
	__le16 icdoff;
	__u8 fcatt;
	__u8 msdbd;
	__u8 rsvd1804[2292];
};
NVME_ASSERT_SIZE(struct nvme_identify_controller, 4096);
NVME_ASSERT_OFFSET(struct nvme_identify_controller, cntlid, 78);
NVME_ASSERT_OFFSET(struct nvme_identify_controller, subnqn, 768);
NVME_ASSERT_OFFSET(struct nvme_identify_controller, ioccsz, 1792);

/* Dataset Management range (NVM Command Set 3.2.3). */
struct nvme_dsm_range {
	__le32 context_attributes;
	__le32 length_blocks;
	__le64 slba;
};
NVME_ASSERT_SIZE(struct nvme_dsm_range, 16);

/*
 * Copy source range entry (NVM Command Set 3.2.2), what all formats begin with; formats 1 and 3 are
 * longer. Formats 2 and 3 name the namespace.
 */
struct nvme_copy_range {
	__le32 source_nsid;
	__u8 rsvd4[4];
	__le64 slba;
	__le16 blocks_zero_based;
	__u8 rsvd18[14];
};
NVME_ASSERT_SIZE(struct nvme_copy_range, 32);
NVME_ASSERT_OFFSET(struct nvme_copy_range, slba, 8);
#define NVME_COPY_RANGE_LONG  40
#define NVME_COPY_FORMAT_NSID 2
#define NVME_COPY_FORMATS     4

/* NVM commands with one range of logical blocks: SLBA, and in CDW12 their number, 0's based. */
static inline int nvme_has_lba_range(__u8 opcode)
{
	switch (opcode) {
	case NVME_NVM_READ:
	case NVME_NVM_WRITE:
	case NVME_NVM_COMPARE:
	case NVME_NVM_WRITE_ZEROES:
	case NVME_NVM_WRITE_UNCORRECTABLE:
	case NVME_NVM_VERIFY:
		return 1;
	default:
		return 0;
	}
}

/* Write Zeroes with NSZ, CDW12 bit 23, is about the whole namespace, whatever its range (NVM Command Set 1.1). */
#define NVME_WRITE_ZEROES_NSZ (1u << 23)

static inline __u64 nvme_sqe_slba(const struct nvme_sqe *sqe)
{
	return (__u64)nvme_le32(sqe->cdw11) << 32 | nvme_le32(sqe->cdw10);
}
static inline __u32 nvme_sqe_block_count(const struct nvme_sqe *sqe)
{
	return (nvme_le32(sqe->cdw12) & 0xffff) + 1;
}
/* The format of a Copy's list: NVME_COPY_FORMAT_NSID and so on. */
static inline __attribute__((always_inline)) __u32 nvme_sqe_copy_format(const struct nvme_sqe *sqe)
{
	return nvme_le32(sqe->cdw12) >> 8 & 15;
}
static inline int nvme_sqe_is_whole_namespace(const struct nvme_sqe *sqe)
{
	return sqe->opcode == NVME_NVM_WRITE_ZEROES &&
	       (nvme_le32(sqe->cdw12) & NVME_WRITE_ZEROES_NSZ);
}
