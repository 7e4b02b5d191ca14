// SPDX-License-Identifier: BSD-2-Clause
#include "capture/file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "capture/link.h"
#include "capture/order.h"
#include "capture/pcapng.h"

struct stoq_capture_file {
	pcap_t *pcap;		    /* NULL: it is a pcapng file */
	struct stoq_pcapng *pcapng; /* NULL: it is a pcap file */
	FILE *file;		    /* of pcapng; libpcap's belongs to it */
	int link;		    /* of a pcap file */
	const char *name;
	uint64_t now_ns;
	struct stoq_order *order;
	struct stoq_capture_notes notes;
};

/* Of a packet, however the file has it. */
struct packet {
	const uint8_t *frame;
	uint32_t captured, length;
	int link;
	uint64_t time_ns;
	bool timed;
};

static int not_a_capture(const char *name, const char *why, struct stoq_error *error)
{
	return stoq_error_set(error, -EPROTO,
		"cannot read %s: %s. pcap, pcapng and stoq's records are understood; unpack a "
		"compressed file first: zcat FILE | stoq watch -r -",
		name, why);
}

static int not_understood(const char *name, int link, struct stoq_error *error)
{
	const char *link_name = pcap_datalink_val_to_name(link);

	return stoq_error_set(error, -EPROTO,
		"cannot read %s: its link type is %s (%d); Ethernet, Linux cooked, raw IP and "
		"loopback are understood: capture on an interface that has one of these",
		name, link_name ? link_name : "unknown", link);
}

/* The file belongs to libpcap, or is closed. */
static int open_pcap(struct stoq_capture_file *capture, FILE *file, struct stoq_error *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";

	capture->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!capture->pcap) {
		fclose(file);
		return not_a_capture(capture->name, why, error);
	}
	capture->link = pcap_datalink(capture->pcap);
	return stoq_link_name(capture->link) ? 0
					     : not_understood(capture->name, capture->link, error);
}

static int open_pcapng(struct stoq_capture_file *capture, FILE *file, struct stoq_error *error)
{
	struct stoq_error why = {0};
	int result = stoq_pcapng_open(&capture->pcapng, file, &why);

	capture->file = file;
	return result ? not_a_capture(capture->name, why.text, error) : 0;
}

int stoq_capture_open(
	struct stoq_capture_file **capture, FILE *file, const char *name, struct stoq_error *error)
{
	struct stoq_capture_file *opened = calloc(1, sizeof(*opened));
	int result, first;

	if (!opened) {
		fclose(file);
		return stoq_error_set(error, -ENOMEM, "no memory to read %s", name);
	}
	opened->name = name;
	opened->order = stoq_order_new();
	if (!opened->order) {
		fclose(file);
		free(opened);
		return stoq_error_set(error, -ENOMEM, "no memory to read %s", name);
	}
	first = fgetc(file);
	ungetc(first, file);
	result = stoq_pcapng_begins_with(first) ? open_pcapng(opened, file, error)
						: open_pcap(opened, file, error);
	if (result)
		stoq_capture_close(opened);
	else
		*capture = opened;
	return result;
}

void stoq_capture_close(struct stoq_capture_file *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	stoq_pcapng_free(capture->pcapng);
	stoq_order_free(capture->order);
	if (capture->file)
		fclose(capture->file);
	free(capture);
}

#define UNIX_SECONDS_MAX UINT32_MAX /* until 2106: stamps beyond that are damaged */

/* Time stamps are of other machines' making: one before that of an earlier packet is taken for that. */
static void pass_time(struct stoq_capture_file *capture, const struct packet *packet)
{
	uint64_t seconds = packet->time_ns / 1000000000u & UNIX_SECONDS_MAX;
	uint64_t now = seconds * 1000000000u + packet->time_ns % 1000000000u;

	if (!packet->timed)
		capture->notes.untimed++;
	else if (now < capture->now_ns)
		capture->notes.backwards++;
	else
		capture->now_ns = now;
}

static int take(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	const struct packet *taken)
{
	struct stoq_capture_notes *notes = &capture->notes;
	struct stoq_capture_packet packet;

	notes->packets++;
	if (taken->captured < taken->length) {
		notes->cut++;
		if (taken->captured > notes->cut_at)
			notes->cut_at = taken->captured;
	}
	pass_time(capture, taken);
	if (!stoq_link_name(taken->link)) {
		notes->foreign++;
		notes->foreign_link = taken->link;
		return 0;
	}
	if (!stoq_link_packet(taken->link, taken->frame, taken->captured, taken->length, &packet)) {
		notes->other++;
		return 0;
	}
	return stoq_order_add(capture->order, sink, &packet, capture->now_ns);
}

static int cannot_go_on(
	struct stoq_capture_file *capture, const char *why, struct stoq_error *error)
{
	return stoq_error_set(error, -EPROTO,
		"%s cannot be read beyond packet %llu: %s. The figures are those of the packets "
		"before it",
		capture->name, (unsigned long long)capture->notes.packets, why);
}

/* libpcap has one code for all errors; a file that was cut is usual: a capture that was killed. */
static int next_of_pcap(
	struct stoq_capture_file *capture, struct packet *packet, struct stoq_error *error)
{
	struct pcap_pkthdr *header;
	int result = pcap_next_ex(capture->pcap, &header, &packet->frame);

	if (result == PCAP_ERROR_BREAK)
		return 0;
	if (result != 1 && strstr(pcap_geterr(capture->pcap), "truncated")) {
		capture->notes.ends_in_packet = true;
		return 0;
	}
	if (result != 1)
		return cannot_go_on(capture, pcap_geterr(capture->pcap), error);
	packet->captured = header->caplen;
	packet->length = header->len;
	packet->link = capture->link;
	packet->timed = true;
	packet->time_ns = header->ts.tv_sec > 0 ? (uint64_t)header->ts.tv_sec * 1000000000u : 0;
	if (header->ts.tv_usec > 0)
		packet->time_ns += (uint64_t)header->ts.tv_usec; /* ns, as was asked for */
	return 1;
}

static int next_of_pcapng(
	struct stoq_capture_file *capture, struct packet *packet, struct stoq_error *error)
{
	struct stoq_pcapng_packet found;
	struct stoq_error why = {0};
	int result = stoq_pcapng_next(capture->pcapng, &found, &why);

	if (result == -ENODATA) {
		capture->notes.ends_in_packet = true;
		return 0;
	}
	if (result < 0)
		return cannot_go_on(capture, why.text, error);
	if (result)
		*packet = (struct packet){found.bytes, found.captured, found.length,
			stoq_link_from_linktype(found.link), found.time_ns, found.timed};
	return result;
}

/* What is read no further: the packets that wait are handed on. */
static int hand_on_rest(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink)
{
	int result = stoq_order_end(capture->order, sink);

	capture->notes.moved = stoq_order_moved(capture->order);
	return result;
}

/* A file all of which is of link types that are not understood. */
static int end(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	struct stoq_error *error)
{
	const struct stoq_capture_notes *notes = &capture->notes;
	int result = hand_on_rest(capture, sink);

	if (result)
		return result;
	if (notes->foreign && notes->foreign == notes->packets)
		return not_understood(capture->name, notes->foreign_link, error);
	return 0;
}

int stoq_capture_read(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	size_t most, struct stoq_error *error)
{
	for (size_t i = 0; i < most; i++) {
		struct packet packet = {0};
		int result = capture->pcap ? next_of_pcap(capture, &packet, error)
					   : next_of_pcapng(capture, &packet, error);

		if (!result)
			return end(capture, sink, error);
		if (result < 0) {
			int handed = hand_on_rest(capture, sink);

			/* What cannot be read further counts up to there. */
			return handed ? handed : result;
		}
		result = take(capture, sink, &packet);
		capture->notes.moved = stoq_order_moved(capture->order);
		if (result)
			return result;
	}
	return 1;
}

const struct stoq_capture_notes *stoq_capture_notes(const struct stoq_capture_file *capture)
{
	return &capture->notes;
}
