/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * NVMe over TCP, decoded: one direction of a connection, fed as it comes, gives its PDUs; and the
 * names of what is in them. It needs no eBPF, no transport and no privileges.
 *
 * The specifications: NVM Express TCP Transport 1.0c (PDUs: section 3.6.2), Base 2.0c (queue
 * entries: 3.3.3, Fabrics commands: 6) and NVM Command Set 1.0c. Values are in the host's byte
 * order; lengths and offsets are bytes.
 *
 * A decoder belongs to one thread at a time; different ones are independent. It holds some hundred
 * bytes, whatever it is fed, and allocates only when it is created. See doc/nvme.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stoq/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- PDUs ---- */

enum stoq_nvme_side { STOQ_NVME_FROM_HOST = 0, STOQ_NVME_FROM_CONTROLLER = 1 };

/* As on the wire. Hosts send the even ones, controllers the odd ones. */
enum stoq_nvme_pdu_type {
	STOQ_NVME_ICREQ = 0x00,
	STOQ_NVME_ICRESP = 0x01,
	STOQ_NVME_H2C_TERM_REQ = 0x02,
	STOQ_NVME_C2H_TERM_REQ = 0x03,
	STOQ_NVME_CAPSULE_CMD = 0x04,
	STOQ_NVME_CAPSULE_RESP = 0x05,
	STOQ_NVME_H2C_DATA = 0x06,
	STOQ_NVME_C2H_DATA = 0x07,
	STOQ_NVME_R2T = 0x09,
};

/* Bits of the common header's FLAGS. */
#define STOQ_NVME_FLAG_HDGST   0x01u /* a header digest follows the header */
#define STOQ_NVME_FLAG_DDGST   0x02u /* a data digest follows the data */
#define STOQ_NVME_FLAG_LAST    0x04u /* the last of this transfer, or of this R2T */
#define STOQ_NVME_FLAG_SUCCESS 0x08u /* C2HData: the command is complete, no CapsuleResp */

#define STOQ_NVME_OPCODE_FABRICS 0x7fu

/* ICReq and ICResp: what a connection begins with. */
struct stoq_nvme_initialization {
	uint16_t format_version; /* PFV, 0 so far */
	uint32_t data_alignment; /* HPDA, CPDA, in bytes: a multiple of 4, 128 at most */
	bool header_digest, data_digest;
	uint64_t max_r2t;      /* ICReq: R2Ts outstanding for a command, 1 and up */
	uint32_t max_h2c_data; /* ICResp: bytes in one H2CData */
};

/* CapsuleCmd: the submission queue entry (Base 3.3.3.1). */
struct stoq_nvme_command {
	uint8_t opcode;
	uint8_t fctype; /* with STOQ_NVME_OPCODE_FABRICS, else 0 */
	uint16_t cid;	/* command identifier: its answers carry it. Unique in its queue only */
	uint32_t nsid;	/* 0 in Fabrics commands */
	/*
	 * Of an NVM command with one range of logical blocks (Read, Write, Compare, Write Zeroes,
	 * Write Uncorrectable, Verify); block_count: 1 and up, 0: it has no blocks. The stream does not
	 * tell which queue it is; on the Admin queue, where these opcodes mean others, ignore them.
	 */
	uint64_t slba;
	uint32_t block_count;
	uint32_t sgl_bytes;    /* the length in SGL1: what the command transfers */
	bool connect;	       /* Fabrics Connect: */
	uint16_t connect_qid;  /* the queue that this connection is; 0: the Admin queue */
	uint32_t connect_size; /* its entries, 1 and up */
};

/* CapsuleResp: the completion queue entry (Base 3.3.3.2). */
struct stoq_nvme_completion {
	uint16_t cid;
	uint16_t sq_head;
	uint8_t status_code_type; /* SCT and SC: 0, 0 is success */
	uint8_t status_code;
	bool do_not_retry;	   /* DNR */
	uint32_t result_dwords[2]; /* command specific */
};

/* C2HData, H2CData and R2T: a part of a command's data. */
struct stoq_nvme_transfer {
	uint16_t cid;
	uint16_t tag;	 /* TTAG: H2CData repeats the R2T's; reserved in C2HData */
	uint32_t offset; /* in the command's data */
	uint32_t length; /* DATAL; in R2T: what is asked for */
	bool last;	 /* as the flags say; false in R2T */
	bool success;
};

/* H2CTermReq and C2HTermReq: the connection ends for a fatal error. */
struct stoq_nvme_termination {
	uint16_t fatal_error;	   /* FES */
	uint32_t fatal_error_info; /* FEI */
};

struct stoq_nvme_pdu {
	uint64_t offset;	/* in the stream: 0 is the first byte fed */
	uint32_t length;	/* PLEN: header, digests, padding, data */
	uint32_t data_length;	/* in this PDU; 0: none */
	uint32_t data_offset;	/* from the PDU's first byte; 0: none */
	uint32_t header_length; /* HLEN */
	const uint8_t *header;	/* as on the wire, without its digest */
	enum stoq_nvme_pdu_type type;
	uint8_t flags; /* STOQ_NVME_FLAG_... */
	union {
		struct stoq_nvme_initialization initialization; /* ICReq, ICResp */
		struct stoq_nvme_command command;		/* CapsuleCmd */
		struct stoq_nvme_completion completion;		/* CapsuleResp */
		struct stoq_nvme_transfer transfer;		/* H2CData, C2HData, R2T */
		struct stoq_nvme_termination termination;	/* H2CTermReq, C2HTermReq */
	};
};

/* ---- the decoder ---- */

struct stoq_nvme_decoder;

/* What became of a PDU's data digest (TCP Transport 3.3.1.1). */
enum stoq_nvme_data_digest {
	STOQ_NVME_DIGEST_NONE,	    /* it has none */
	STOQ_NVME_DIGEST_UNCHECKED, /* the check was not requested */
	STOQ_NVME_DIGEST_GOOD,
	STOQ_NVME_DIGEST_BAD, /* the data were damaged; the stream goes on behind them */
};

/*
 * Called from stoq_nvme_decoder_feed(), in the stream's order; all optional. pdu and what it points
 * to are valid during the call. They must not feed or destroy this decoder. What they are told
 * depends on the stream alone, not on how it was cut, except for the pieces of data.
 */
struct stoq_nvme_decoder_callbacks {
	/* A header is complete, and its digest if digests are checked. */
	void (*pdu)(const struct stoq_nvme_pdu *pdu, void *user);

	/*
	 * Some of its data (in-capsule data, C2HData, H2CData), in order; at: where they stand in
	 * the PDU's data; size: 1 and up.
	 */
	void (*data)(const struct stoq_nvme_pdu *pdu, uint32_t at, const uint8_t *data, size_t size,
		void *user);

	/* The PDU's last byte was fed. */
	void (*finished)(
		const struct stoq_nvme_pdu *pdu, enum stoq_nvme_data_digest digest, void *user);
};

/* stoq_nvme_decoder_config_init() sets everything to the defaults that stand in brackets. */
struct stoq_nvme_decoder_config {
	enum stoq_nvme_side side; /* whose bytes they are [STOQ_NVME_FROM_HOST] */

	/*
	 * False: the first byte fed begins a PDU, and where one should be and is none decoding ends
	 * with an error. True: the stream may be entered anywhere and may have holes. PDUs are
	 * looked for and believed once four in a row fit together; the fourth is the first that is
	 * told of. Nothing is an error then: stoq_nvme_decoder_status() has counts [false].
	 */
	bool resynchronize;

	bool check_digests; /* header and data digests, of PDUs that have them [false] */

	struct stoq_nvme_decoder_callbacks callbacks; /* [none] */
	void *user;				      /* handed to them [NULL] */
};

/* Sets everything to the defaults that stand in brackets above. */
STOQ_API void stoq_nvme_decoder_config_init(struct stoq_nvme_decoder_config *config);

/* Makes a decoder. -EINVAL: there is no such side; -ENOMEM. error may be NULL, here and below. */
STOQ_API int stoq_nvme_decoder_create(const struct stoq_nvme_decoder_config *config,
	struct stoq_nvme_decoder **decoder, struct stoq_error *error);

/*
 * Decodes the next bytes of the stream, in pieces of any size. The bytes are not kept.
 * -EPROTO: no PDU of that side begins where one has to (no such type, a length that is not its
 * type's or contradicts another, over 32 MiB of data, flags that it cannot have);
 * -EBADMSG: a header digest is wrong. stoq_nvme_decoder_status() says where; from then on every
 * call returns the same and calls back no more. Both only without resynchronize.
 */
STOQ_API int stoq_nvme_decoder_feed(struct stoq_nvme_decoder *decoder, const void *bytes,
	size_t size, struct stoq_error *error);

struct stoq_nvme_decoder_status {
	int code;	   /* 0, -EPROTO or -EBADMSG: what stoq_nvme_decoder_feed() returned */
	uint64_t position; /* in the stream; after an error: where a PDU had to begin and did not */
	bool synchronized; /* it knows where PDUs begin; false after an error, or while looking */
	bool inside_pdu;   /* a PDU has begun and is not complete: at its end a stream is cut off */
	uint64_t pdus;
	uint64_t bad_headers;	     /* no PDU where one had to be */
	uint64_t bad_header_digests; /* of these, for the digest alone */
	uint64_t bad_data_digests;
	uint64_t resynchronizations; /* times that PDUs were found after looking for them */
	uint64_t skipped_bytes;	     /* passed while looking */
};

/* What the decoder has seen so far. */
STOQ_API void stoq_nvme_decoder_status(
	const struct stoq_nvme_decoder *decoder, struct stoq_nvme_decoder_status *status);

/* Frees a decoder. NULL is fine. */
STOQ_API void stoq_nvme_decoder_destroy(struct stoq_nvme_decoder *decoder);

/* ---- names ---- */

/*
 * As the specifications write them: "Write Zeroes", "LBA Out of Range". NULL: the code has no name.
 * They live as long as the program. From any thread.
 */

/* Which queue, because codes mean different things there. Fabrics commands go to both. */
enum stoq_nvme_queue { STOQ_NVME_QUEUE_ADMIN = 0, STOQ_NVME_QUEUE_IO = 1 };

/* The name of a PDU type; NULL: it has none. */
STOQ_API const char *stoq_nvme_pdu_name(uint8_t type);

/* The name of a command; NULL: it has none. fctype counts only where opcode is STOQ_NVME_OPCODE_FABRICS. */
STOQ_API const char *stoq_nvme_opcode_name(
	enum stoq_nvme_queue queue, uint8_t opcode, uint8_t fctype);

/*
 * The name of a status of a command with that opcode, which command specific codes depend on; NULL: it
 * has none.
 */
STOQ_API const char *stoq_nvme_status_name(
	enum stoq_nvme_queue queue, uint8_t opcode, uint8_t status_code_type, uint8_t status_code);

#ifdef __cplusplus
}
#endif
