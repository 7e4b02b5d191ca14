/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the program counts as a whole, per CPU. */

enum stoq_counter {
	STOQ_COUNT_PACKETS,	 /* all that passed the hook */
	STOQ_COUNT_NVME_PACKETS, /* those with payload of a known flow */
	STOQ_COUNT_FLOWS_NEW,
	STOQ_COUNT_FLOWS_FULL,	   /* flow not followed: no room */
	STOQ_COUNT_FLOWS_PROVEN,   /* flows of which both sides have sent data */
	STOQ_COUNT_FLOWS_CLOSED,   /* of these: ended, or replaced by another with the same ends */
	STOQ_COUNT_FLOWS_TRIED,	   /* the same of flows of which only one side has sent data */
	STOQ_COUNT_CONTENDED,	   /* packet skipped: another CPU was at the same direction */
	STOQ_COUNT_MALFORMED,	   /* lengths that contradict each other, headers cut short */
	STOQ_COUNT_FRAGMENTS,	   /* IP fragments: not looked at */
	STOQ_COUNT_PDU_LIMIT,	   /* more PDUs in a packet than the program walks */
	STOQ_COUNT_SERIES_FULL,	   /* command counted in an overflow series */
	STOQ_COUNT_EVENTS_LOST,	   /* no room in the event ring */
	STOQ_COUNT_UNTRACKED,	   /* commands for which there was no room */
	STOQ_COUNT_UNMATCHED,	   /* completions of commands whose start was not seen */
	STOQ_COUNT_UNSYNCED_BYTES, /* payload of NVMe/TCP flows that was not understood */
	STOQ_COUNT_UNENDED,	   /* commands whose completion was not seen */
	STOQ_COUNT_EARLY,	   /* segments kept until what they follow had come */
	STOQ_COUNT_EARLY_FULL,	   /* segments for which there was no room */
	STOQ_COUNT_GIVEN_UP,	   /* gaps that will not be filled */
	STOQ_COUNT_NEGOTIATIONS_FAILED, /* connections that ended between ICReq and first command */
	STOQ_COUNT_HANDSHAKES_FAILED,	/* TLS connections that ended before a first PDU passed */
	STOQ_COUNT_COURSES_FULL,	/* commands whose course made way for another one's */
	STOQ_COUNT_CHECKS_FULL,		/* commands that are not checked: the same */
	STOQ_COUNTERS,
};
