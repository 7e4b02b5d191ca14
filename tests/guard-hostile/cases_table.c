// SPDX-License-Identifier: BSD-2-Clause
/* What fills a guard's tables, and connections that are older than the guard. */
#include <stdlib.h>
#include <string.h>

#include "tests/guard-hostile/trick.h"

static struct pdus front;

/* ---- strangers: addresses of 198.18.0.0/15 ---- */

static bool is_ipv4(struct lab *lab)
{
	if (lab->ipv6)
		lab_skip(lab, "strangers have IPv4 addresses");
	return !lab->ipv6;
}

static void become_stranger(struct packet *packet, uint32_t number)
{
	packet->source[0] = 198;
	packet->source[1] = 18 | (number >> 16 & 1);
	packet->source[2] = (uint8_t)(number >> 8);
	packet->source[3] = (uint8_t)(number | 1);
	packet->source_port = (uint16_t)(1024 + number % 60000);
}

static void strangers_syn(struct lab *lab, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct packet packet = lab->tap.form;

		become_stranger(&packet, i);
		packet.flags = PACKET_SYN;
		packet.sequence = i;
		tap_send(&lab->tap, &packet);
		if (i % 64 == 0)
			raw_wait(&lab->queue.raw, 0);
	}
	raw_wait(&lab->queue.raw, 50);
}

/* Answers what the target sent to strangers: ACK, and ICReq if that is wanted, or RST at the end.
 */
static void answer_stranger(
	struct lab *lab, const struct packet *heard, uint8_t flags, const struct pdus *pdus)
{
	struct packet packet = lab->tap.form;

	memcpy(packet.source, heard->destination, sizeof(packet.source));
	packet.source_port = heard->destination_port;
	packet.sequence = heard->acknowledged;
	packet.acknowledged = heard->sequence + 1;
	packet.flags = flags;
	packet.payload = pdus ? pdus->bytes : NULL;
	packet.payload_bytes = pdus ? pdus->length : 0;
	tap_send(&lab->tap, &packet);
}

static uint32_t answer_strangers(
	struct lab *lab, int milliseconds, uint8_t flags, const struct pdus *pdus)
{
	struct packet heard;
	uint32_t count = 0;

	while (tap_receive(&lab->tap, &heard, milliseconds)) {
		if (heard.destination[0] != 198 || !(heard.flags & PACKET_SYN))
			continue;
		answer_stranger(lab, &heard, PACKET_ACK, NULL);
		if (pdus || flags != PACKET_ACK)
			answer_stranger(lab, &heard, flags, pdus);
		count++;
	}
	return count;
}

/* Whole handshakes; with an ICReq each, or data that is none. */
static uint32_t strangers_connect(struct lab *lab, uint32_t count, const struct pdus *pdus)
{
	uint32_t connected = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct packet packet = lab->tap.form;

		become_stranger(&packet, 0x10000 + i);
		packet.flags = PACKET_SYN;
		packet.sequence = i;
		tap_send(&lab->tap, &packet);
		if (i % 64 == 63)
			connected += answer_strangers(lab, 1, PACKET_ACK, pdus);
	}
	return connected + answer_strangers(lab, 50, PACKET_ACK, pdus);
}

/* Their connections end, or the target would keep them. */
static void strangers_leave(struct lab *lab, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct packet packet = lab->tap.form;

		become_stranger(&packet, 0x10000 + i);
		packet.flags = PACKET_RST;
		packet.sequence = i + 1;
		tap_send(&lab->tap, &packet);
		packet.sequence += 128;
		tap_send(&lab->tap, &packet);
	}
}

enum strangers {
	SYNS,
	CONNECTS,
	ICREQS,
	GARBAGE,
};

static void come(struct lab *lab)
{
	static struct pdus first;

	pdus_clear(&first);
	if (lab->way == ICREQS)
		pdus_icreq(&first);
	else
		pdus_fill(&first, 0x5a, 100);
	if (lab->way == SYNS)
		strangers_syn(lab, 24000);
	else
		strangers_connect(lab, 9000, lab->way == CONNECTS ? NULL : &first);
}

static void leave(struct lab *lab)
{
	if (lab->way != SYNS)
		strangers_leave(lab, 9000);
	raw_wait(&lab->queue.raw, 100);
}

/* The connection is pushed out of the table; its next segment begins with a header that is none. */
static void flood(struct lab *lab)
{
	uint32_t place;

	if (!is_ipv4(lab) || !lab_open(lab) || !trick_begin_compare(lab, &place))
		return;
	come(lab);
	pdus_clear(&front);
	trick_front_of_data(&front);
	trick_hide(lab, &front);
	queue_flush(&lab->queue);
	raw_wait(&lab->queue.raw, 100);
	leave(lab);
}

/* It was idle while strangers came; then it goes on. */
static void flood_idle(struct lab *lab)
{
	struct nvme_sqe sqe = pdus_sqe(NVME_NVM_FLUSH, 3, PDUS_ALLOWED, 0, 0, false);

	if (!is_ipv4(lab) || !lab_open(lab))
		return;
	come(lab);
	if (queue_run(&lab->queue, &sqe, NULL, 0) != 0)
		lab_fail(lab, "after the flood a Flush is not answered");
	leave(lab);
}

/* A new host, while strangers have filled the table. */
static void flood_late(struct lab *lab)
{
	struct nvme_sqe sqe = pdus_sqe(NVME_NVM_FLUSH, 3, PDUS_ALLOWED, 0, 0, false);

	if (!is_ipv4(lab))
		return;
	lab_new(lab, &lab->queue);
	come(lab);
	raw_free(&lab->queue.raw);
	if (lab_open(lab) && queue_run(&lab->queue, &sqe, NULL, 0) != 0)
		lab_fail(lab, "a Flush is not answered");
	leave(lab);
}

/* ---- older connections ---- */

static bool turn(struct lab *lab, const char *command)
{
	return !command || system(command) == 0 || lab_fail(lab, "the guard cannot be switched");
}

/* way: 0: data begins before the guard is on and ends behind; 1: the Connect is older; 2: the
 * handshake. */
static void older(struct lab *lab)
{
	uint32_t place;
	bool ready;

	if (!turn(lab, lab->guard_off))
		return;
	ready = lab_open(lab) && trick_begin_compare(lab, &place);
	if (!turn(lab, lab->guard_on) || !ready)
		return;
	pdus_clear(&front);
	if (lab->way == 0)
		trick_front_of_data(&front);
	else
		trick_front_of_connection(&front, lab->subsystem, lab->way == 2);
	trick_hide(lab, &front);
	queue_flush(&lab->queue);
}

/* Nothing of it was underway: an older connection's denied write all the same. */
static void older_idle(struct lab *lab)
{
	bool ready;

	if (!turn(lab, lab->guard_off))
		return;
	ready = lab_open(lab);
	if (!turn(lab, lab->guard_on) || !ready)
		return;
	pdus_evil(&lab->queue.pdus, 10, lab->slba);
	queue_flush(&lab->queue);
}

const struct hostile_case cases_table[] = {
	{"flood-syns", flood, CASE_ALL, "24,000 SYNs, then a header that is none", SYNS},
	{"flood-connects", flood, CASE_ALL, "9,000 connections, then the same", CONNECTS},
	{"flood-icreqs", flood, CASE_ALL, "9,000 connections with ICReq, then the same", ICREQS},
	{"flood-garbage", flood, CASE_ALL, "9,000 connections with garbage, then the same",
		GARBAGE},
	{"idle-syns", flood_idle, CASE_HONEST, "idle while 24,000 SYNs come", SYNS},
	{"idle-connects", flood_idle, CASE_HONEST, "idle while 9,000 connections come", CONNECTS},
	{"idle-icreqs", flood_idle, CASE_HONEST, "idle while 9,000 ICReqs come", ICREQS},
	{"late-syns", flood_late, CASE_HONEST, "a new host after 24,000 SYNs", SYNS},
	{"late-garbage", flood_late, CASE_HONEST, "a new host after 9,000 that send garbage",
		GARBAGE},
	{"older-data", older, CASE_ALL, "a Compare is older than the guard, a data PDU inside", 0},
	{"older-icreq", older, CASE_ALL, "the same, an ICReq inside", 1},
	{"older-connect", older, CASE_ALL, "the same, ICReq and Connect inside", 2},
	{"older-idle", older_idle, CASE_ALL, "a write over a connection older than the guard", 0},
	{0},
};
