// SPDX-License-Identifier: BSD-2-Clause
/* Hosts that do nothing wrong, on networks that do: each command gets the answer it should. */
#include <stdlib.h>
#include <string.h>

#include "tests/guard-hostile/trick.h"

#define WRITE_PROTECTED 0x20 /* what the guard says of a denied write */

static uint8_t data[64 * 1024];

static struct nvme_sqe allowed_write(uint16_t cid, uint64_t slba, uint32_t bytes, bool in_capsule)
{
	return pdus_sqe(NVME_NVM_WRITE, cid, PDUS_ALLOWED, slba, bytes, in_capsule);
}

static bool expect_on_medium(struct lab *lab, uint64_t slba, uint8_t value)
{
	struct stoq_error error;
	bool holds;

	if (medium_holds(&lab->medium, slba, value, &holds, &error))
		return lab_fail(lab, "the medium cannot be read");
	return holds || lab_fail(lab, "an allowed write is not on the medium");
}

/* What a guard says of a denied write; without one it would be written. */
static bool expect_denied(struct lab *lab, uint16_t cid)
{
	uint16_t status;

	if (!lab->guarded)
		return true;
	pdus_clear(&lab->queue.pdus);
	pdus_evil(&lab->queue.pdus, cid, lab->slba);
	if (!queue_flush(&lab->queue))
		return lab_fail(lab, "a denied write is not acknowledged");
	status = queue_response(&lab->queue, cid);
	return status == WRITE_PROTECTED ||
	       lab_fail(lab, status == QUEUE_NO_ANSWER ? "a denied write is not answered"
						       : "a denied write has another status");
}

static bool write_one(struct lab *lab, uint16_t cid, uint64_t slba, uint8_t value)
{
	struct nvme_sqe sqe = allowed_write(cid, slba, PDUS_BLOCK, true);

	memset(data, value, PDUS_BLOCK);
	if (queue_run(&lab->queue, &sqe, data, PDUS_BLOCK) != 0)
		return lab_fail(lab, "an allowed write fails");
	return expect_on_medium(lab, slba, value);
}

static void plain(struct lab *lab)
{
	if (lab_open(lab) && write_one(lab, 1, 8, 0x11) && expect_denied(lab, 2))
		write_one(lab, 3, 9, 0x22);
}

/* PDUs that an honest host might have in flight at once; then their answers. */
static size_t pipeline(struct lab *lab, uint8_t value)
{
	struct pdus *pdus = &lab->queue.pdus;

	pdus_clear(pdus);
	memset(data, value, sizeof(data));
	for (uint16_t i = 0; i < 8; i++) {
		struct nvme_sqe sqe = allowed_write((uint16_t)(100 + i), 20u + i, PDUS_BLOCK, true);

		pdus_flush(pdus, (uint16_t)(200 + i));
		pdus_command(pdus, &sqe, data, PDUS_BLOCK);
	}
	return pdus->length;
}

static void expect_pipeline(struct lab *lab, uint8_t value)
{
	for (uint16_t i = 0; i < 8; i++) {
		if (queue_response(&lab->queue, (uint16_t)(100 + i)) != 0) {
			lab_fail(lab, "an allowed write is not answered");
			return;
		}
		if (!expect_on_medium(lab, 20u + i, value))
			return;
	}
	if (expect_denied(lab, 50))
		write_one(lab, 51, 8, value);
}

/* Segments of so many bytes. */
static void pieces(struct lab *lab)
{
	uint32_t place;
	size_t length;

	if (!lab_open(lab))
		return;
	length = pipeline(lab, 0x31);
	place = raw_place(&lab->queue.raw);
	for (size_t at = 0; at < length; at += (size_t)lab->way) {
		size_t piece = length - at < (size_t)lab->way ? length - at : (size_t)lab->way;

		raw_put(&lab->queue.raw, place + (uint32_t)at, lab->queue.pdus.bytes + at, piece);
		if (at % 64 == 0)
			raw_wait(&lab->queue.raw, 0);
	}
	if (queue_flush(&lab->queue)) /* what was lost, again */
		expect_pipeline(lab, 0x31);
	else
		lab_fail(lab, "not acknowledged");
}

/* Every segment twice, and all of it again. */
static void twice(struct lab *lab)
{
	uint32_t place;
	size_t length;

	if (!lab_open(lab))
		return;
	length = pipeline(lab, 0x32);
	place = raw_place(&lab->queue.raw);
	for (size_t at = 0; at + 300 < length; at += 300) {
		raw_put(&lab->queue.raw, place + (uint32_t)at, lab->queue.pdus.bytes + at, 300);
		raw_put(&lab->queue.raw, place + (uint32_t)at, lab->queue.pdus.bytes + at, 300);
	}
	raw_put(&lab->queue.raw, place, lab->queue.pdus.bytes, length);
	if (queue_flush(&lab->queue))
		expect_pipeline(lab, 0x32);
	else
		lab_fail(lab, "not acknowledged");
}

/* Neighbours change places (way 1), or the last is the first (2), or one is lost (3). */
static void reordered(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	size_t length, count;
	uint32_t place;

	if (!lab_open(lab))
		return;
	length = pipeline(lab, (uint8_t)(0x40 + lab->way));
	place = raw_place(raw);
	count = length / 300;
	for (size_t i = 0; i < count; i++) {
		size_t n = lab->way == 1 ? (i ^ 1) : lab->way == 2 ? count - 1 - i : i;

		if (n < count && !(lab->way == 3 && n == 2))
			raw_put(raw, place + (uint32_t)(n * 300), lab->queue.pdus.bytes + n * 300,
				300);
	}
	if (queue_flush(&lab->queue))
		expect_pipeline(lab, (uint8_t)(0x40 + lab->way));
	else
		lab_fail(lab, "not acknowledged");
}

/* Segments that were cut in one way come again cut in another one, as after a change of the MTU. */
static void cut_again(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	uint32_t place, random = 99;
	size_t length;

	if (!lab_open(lab))
		return;
	length = pipeline(lab, 0x51);
	place = raw_place(raw);
	for (int i = 0; i < 200; i++) {
		uint32_t done = raw->acknowledged - raw->first - place;
		size_t from = done, piece;

		if (done >= length)
			break;
		random = random * 1664525 + 1013904223;
		piece = 1 + (random >> 16) % 700;
		if (from > 150 && random & 0x8000)
			from -= 150;
		if (piece > length - from)
			piece = length - from;
		raw_put(raw, place + (uint32_t)from, lab->queue.pdus.bytes + from, piece);
		raw_wait(raw, 1);
	}
	if (queue_flush(&lab->queue))
		expect_pipeline(lab, 0x51);
	else
		lab_fail(lab, "not acknowledged");
}

/* By R2T: way bytes in H2CData PDUs of up to 8 KiB. */
static void asked(struct lab *lab)
{
	struct nvme_sqe sqe = allowed_write(7, 32, (uint32_t)lab->way, false);
	struct queue *queue = &lab->queue;
	struct nvme_tcp_r2t_pdu r2t;
	uint32_t done = 0;

	if (!lab_open(lab))
		return;
	memset(data, 0x61, sizeof(data));
	pdus_command(&queue->pdus, &sqe, NULL, 0);
	if (!queue_flush(queue)) {
		lab_fail(lab, "not acknowledged");
		return;
	}
	while (done < (uint32_t)lab->way) {
		uint32_t end;

		if (!queue_r2t(queue, 7, &r2t)) {
			lab_fail(lab, "no R2T");
			return;
		}
		done = nvme_le32(r2t.r2t_offset);
		end = done + nvme_le32(r2t.r2t_length);
		while (done < end) {
			struct nvme_tcp_data_fields fields = {
				.type = NVME_TCP_H2C_DATA,
				.cid = 7,
				.ttag = nvme_le16(r2t.ttag),
				.offset = done,
				.length = end - done < 8192 ? end - done : 8192,
			};

			fields.flags = done + fields.length == end ? NVME_TCP_FLAG_LAST : 0;
			pdus_data(&queue->pdus, &fields, data);
			done += fields.length;
			if (!queue_flush(queue)) {
				lab_fail(lab, "data is not acknowledged");
				return;
			}
		}
	}
	if (queue_response(queue, 7) != 0)
		lab_fail(lab, "the write fails");
	else if (expect_on_medium(lab, 32 + (uint64_t)lab->way / PDUS_BLOCK - 1, 0x61))
		expect_denied(lab, 8);
}

/* What keeps a connection alive, and what a host's kernel asks with. */
static void probes(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	struct packet packet;

	if (!lab_open(lab) || !write_one(lab, 1, 8, 0x71))
		return;
	for (int i = 0; i < 3; i++) {
		packet = raw_packet(raw, raw_place(raw) - 1, PACKET_ACK, NULL, 0);
		raw_emit(raw, &packet);
		packet = raw_packet(raw, raw_place(raw) - 1, PACKET_ACK, "", 1); /* RFC 1122 */
		raw_emit(raw, &packet);
		raw_wait(raw, 20);
	}
	if (write_one(lab, 2, 8, 0x72) && expect_denied(lab, 3))
		write_one(lab, 4, 8, 0x73);
}

/* SYN twice: the first answer was lost. */
static void syn_twice(struct lab *lab)
{
	struct packet syn;

	lab_new(lab, &lab->admin);
	lab_new(lab, &lab->queue);
	for (int i = 0; i < 3; i++) {
		syn = raw_packet(&lab->queue.raw, (uint32_t)-1, PACKET_SYN, NULL, 0);
		raw_emit(&lab->queue.raw, &syn);
	}
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin) ||
		!queue_start(&lab->queue, 1, lab->admin.cntlid, lab->subsystem))
		lab_fail(lab, "no connection");
	else if (write_one(lab, 1, 8, 0x81))
		expect_denied(lab, 2);
}

/* Options of today's hosts: timestamps, and on the SYN window scaling and SACK. */
static void modern(struct lab *lab)
{
	static const uint8_t stamps[] = {1, 1, 8, 10, 0, 1, 0, 0, 0, 0, 0, 0};

	memcpy(lab->tap.form.options, stamps, sizeof(stamps));
	lab->tap.form.option_bytes = sizeof(stamps);
	plain(lab);
	lab->tap.form.option_bytes = 0;
}

/* Explicit congestion notification: flags in TCP's header (RFC 3168). */
static void congestion(struct lab *lab)
{
	struct packet packet;

	if (!lab_open(lab))
		return;
	pdus_flush(&lab->queue.pdus, 3);
	packet = raw_packet(&lab->queue.raw, raw_place(&lab->queue.raw), 0xc0 | PACKET_ACK,
		lab->queue.pdus.bytes, lab->queue.pdus.length);
	raw_emit(&lab->queue.raw, &packet);
	queue_flush(&lab->queue);
	if (queue_response(&lab->queue, 3) != 0)
		lab_fail(lab, "a Flush with CWR and ECE is not answered");
	else if (write_one(lab, 1, 8, 0x91))
		expect_denied(lab, 2);
}

/* Closes, and comes again from the same port with a higher ISN, as after a reboot or a wrap of
 * ports. */
static void same_port(struct lab *lab)
{
	struct raw *raw = &lab->queue.raw;
	struct packet packet;
	uint16_t port;
	uint32_t first;

	if (!lab_open(lab) || !write_one(lab, 1, 8, 0xa1))
		return;
	if (lab->way == 0) { /* in order */
		packet = raw_packet(raw, raw_place(raw), PACKET_FIN | PACKET_ACK, NULL, 0);
		raw_emit(raw, &packet);
		raw->next++;
		for (int i = 0; i < 20 && !raw->finished; i++)
			raw_wait(raw, 50);
	} else { /* RST */
		raw_abort(raw);
		raw_wait(raw, 50);
	}
	port = raw->form.source_port;
	first = raw->first + 100000;
	raw->reset = true;
	lab_close(lab);
	lab_new(lab, &lab->admin);
	raw_init(raw, &lab->tap, port, first);
	if (!queue_start(&lab->admin, 0, 0xffff, lab->subsystem) || !queue_enable(&lab->admin) ||
		!queue_start(&lab->queue, 1, lab->admin.cntlid, lab->subsystem))
		lab_fail(lab, "no second connection");
	else if (write_one(lab, 1, 8, 0xa2) && expect_denied(lab, 2))
		write_one(lab, 3, 8, 0xa3);
}

/* Denied writes one after the other, their data by R2T: refused before any is asked for. */
static void many_denied(struct lab *lab)
{
	struct queue *queue = &lab->queue;

	if (!lab->guarded || !lab_open(lab))
		return;
	for (uint16_t cid = 1; cid < 100; cid++) {
		struct nvme_sqe sqe =
			pdus_sqe(NVME_NVM_WRITE, cid, PDUS_DENIED, lab->slba, 4096, false);

		if (queue_run(queue, &sqe, NULL, 0) != WRITE_PROTECTED) {
			lab_fail(lab, "a denied write with R2T is not refused");
			return;
		}
	}
	write_one(lab, 101, 8, 0xb1);
}

const struct hostile_case cases_honest[] = {
	{"plain", plain, CASE_HONEST, "a write, a denied one, a write", 0},
	{"pieces-1", pieces, CASE_HONEST, "segments of 1 byte", 1},
	{"pieces-7", pieces, CASE_HONEST, "segments of 7 bytes", 7},
	{"pieces-71", pieces, CASE_HONEST, "segments of 71 bytes", 71},
	{"pieces-536", pieces, CASE_HONEST, "segments of 536 bytes", 536},
	{"twice", twice, CASE_HONEST, "each segment twice", 0},
	{"swapped", reordered, CASE_HONEST, "neighbours change places", 1},
	{"backwards", reordered, CASE_HONEST, "the last segment comes first", 2},
	{"lost", reordered, CASE_HONEST, "a segment is lost", 3},
	{"cut-again", cut_again, CASE_HONEST, "sent again, cut in other ways", 0},
	{"asked-4k", asked, CASE_HONEST, "4 KiB by R2T", 4096},
	{"asked-64k", asked, CASE_HONEST, "64 KiB by R2T", 65536},
	{"probes", probes, CASE_HONEST, "keep-alives", 0},
	{"syn-twice", syn_twice, CASE_HONEST, "SYN more than once", 0},
	{"modern", modern, CASE_HONEST, "timestamps", 0},
	{"congestion", congestion, CASE_HONEST, "ECN's flags", 0},
	{"same-port-fin", same_port, CASE_HONEST, "the same port again after FIN", 0},
	{"same-port-rst", same_port, CASE_HONEST, "the same port again after RST", 1},
	{"many-denied", many_denied, CASE_HONEST, "99 denied writes that would need an R2T", 0},
	{0},
};
