// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints the NVMe/TCP PDUs of one direction of a connection, a line for each.
 *
 *	nvme_decode host|controller [FILE]
 *
 * FILE, or standard input, holds the bytes of that direction from the first one on, as "tcpflow -r
 * capture.pcap" writes them, a file for each direction.
 *
 *	cc nvme_decode.c $(pkg-config --cflags --libs libstoq)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <stoq/nvme.h>

/* Hosts say in their Connect which queue it is; opcodes mean different things there. */
static enum stoq_nvme_queue queue = STOQ_NVME_QUEUE_IO;

static void print_command(const struct stoq_nvme_command *command)
{
	const char *name;

	if (command->connect)
		queue = command->connect_qid ? STOQ_NVME_QUEUE_IO : STOQ_NVME_QUEUE_ADMIN;
	name = stoq_nvme_opcode_name(queue, command->opcode, command->fctype);
	printf("  cid %u  %s (0x%02x)  nsid %" PRIu32 "  %" PRIu32 " bytes", command->cid,
		name ? name : "unknown", command->opcode, command->nsid, command->sgl_bytes);
	if (command->connect)
		printf("  queue %u", command->connect_qid);
	else if (queue == STOQ_NVME_QUEUE_IO && command->block_count)
		printf("  blocks %" PRIu64 "+%" PRIu32, command->slba, command->block_count);
}

static void print_completion(const struct stoq_nvme_completion *completion)
{
	uint8_t type = completion->status_code_type;
	const char *name = stoq_nvme_status_name(queue, 0, type, completion->status_code);

	/* What type 1 means depends on the command, which went the other way. */
	printf("  cid %u  status %u/0x%02x%s%s%s", completion->cid, type, completion->status_code,
		name && type != 1 ? " " : "", name && type != 1 ? name : "",
		completion->do_not_retry ? ", do not retry" : "");
}

static void print_pdu(const struct stoq_nvme_pdu *pdu, void *user)
{
	printf("%10" PRIu64 "  %-11s %8" PRIu32, pdu->offset, stoq_nvme_pdu_name(pdu->type),
		pdu->length);
	switch (pdu->type) {
	case STOQ_NVME_CAPSULE_CMD:
		print_command(&pdu->command);
		break;
	case STOQ_NVME_CAPSULE_RESP:
		print_completion(&pdu->completion);
		break;
	case STOQ_NVME_H2C_DATA:
	case STOQ_NVME_C2H_DATA:
	case STOQ_NVME_R2T:
		printf("  cid %u  bytes %" PRIu32 "+%" PRIu32 "%s%s", pdu->transfer.cid,
			pdu->transfer.offset, pdu->transfer.length,
			pdu->transfer.last ? "  last" : "",
			pdu->transfer.success ? "  success" : "");
		break;
	default:
		break;
	}
	putchar('\n');
}

static int decode(struct stoq_nvme_decoder *decoder)
{
	struct stoq_nvme_decoder_status status;
	struct stoq_error error;
	char piece[16384];
	size_t size;

	while ((size = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		if (stoq_nvme_decoder_feed(decoder, piece, size, &error)) {
			fprintf(stderr, "nvme_decode: %s\n", error.text);
			return 1;
		}
	}
	stoq_nvme_decoder_status(decoder, &status);
	if (ferror(stdin))
		perror("nvme_decode: reading");
	else if (status.inside_pdu)
		fprintf(stderr, "nvme_decode: the stream ends inside of a PDU\n");
	return ferror(stdin) || status.inside_pdu;
}

int main(int argc, char **argv)
{
	struct stoq_nvme_decoder_config config;
	struct stoq_nvme_decoder *decoder;
	bool host = argc > 1 && strcmp(argv[1], "host") == 0;
	int ret;

	stoq_nvme_decoder_config_init(&config);
	config.check_digests = true;
	config.callbacks.pdu = print_pdu;
	config.side = host ? STOQ_NVME_FROM_HOST : STOQ_NVME_FROM_CONTROLLER;
	if (argc < 2 || argc > 3 || (!host && strcmp(argv[1], "controller") != 0)) {
		fprintf(stderr, "usage: nvme_decode host|controller [FILE]\n");
		return 2;
	}
	if (argc == 3 && !freopen(argv[2], "rb", stdin)) {
		perror(argv[2]);
		return 1;
	}
	if (stoq_nvme_decoder_create(&config, &decoder, NULL))
		return 1;
	ret = decode(decoder);
	stoq_nvme_decoder_destroy(decoder);
	return ret;
}
