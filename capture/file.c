// SPDX-License-Identifier: BSD-2-Clause
#include "capture/file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "capture/link.h"

struct stoq_capture_file {
	pcap_t *pcap;
	int link;
	const char *name;
	uint64_t now_ns;
	struct stoq_capture_notes notes;
};

static int open_failed(FILE *file, const char *name, const char *why, struct stoq_error *error)
{
	fclose(file);
	return stoq_error_set(error, -EPROTO,
		"cannot read %s: %s. pcap, pcapng and stoq's records are understood; unpack a "
		"compressed file first: zcat FILE | stoq watch -r -",
		name, why);
}

static int check_link(struct stoq_capture_file *capture, struct stoq_error *error)
{
	const char *name;

	capture->link = pcap_datalink(capture->pcap);
	if (stoq_link_name(capture->link))
		return 0;
	name = pcap_datalink_val_to_name(capture->link);
	return stoq_error_set(error, -EPROTO,
		"cannot read %s: its link type is %s (%d); Ethernet, Linux cooked, raw IP and "
		"loopback are understood: capture on an interface that has one of these",
		capture->name, name ? name : "unknown", capture->link);
}

int stoq_capture_open(
	struct stoq_capture_file **capture, FILE *file, const char *name, struct stoq_error *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct stoq_capture_file *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened) {
		fclose(file);
		return stoq_error_set(error, -ENOMEM, "no memory to read %s", name);
	}
	opened->name = name;
	opened->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!opened->pcap) {
		free(opened);
		return open_failed(file, name, why, error);
	}
	result = check_link(opened, error);
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
	pcap_close(capture->pcap);
	free(capture);
}

/* Time stamps of other machines' making: a time before the last one is taken for that. */
static uint64_t read_time(struct stoq_capture_file *capture, const struct timeval *stamp)
{
	uint64_t seconds = stamp->tv_sec > 0 ? (uint64_t)stamp->tv_sec : 0;
	uint64_t now = (seconds & UINT32_MAX) * 1000000000u;

	if (stamp->tv_usec > 0)
		now += (uint64_t)stamp->tv_usec; /* ns: the precision that was asked for */
	if (now < capture->now_ns)
		capture->notes.backwards++;
	else
		capture->now_ns = now;
	return capture->now_ns;
}

static int take(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	const struct pcap_pkthdr *header, const uint8_t *frame)
{
	struct stoq_capture_notes *notes = &capture->notes;
	struct stoq_capture_packet packet;

	notes->packets++;
	if (header->caplen < header->len) {
		notes->cut++;
		if (header->caplen > notes->cut_at)
			notes->cut_at = header->caplen;
	}
	read_time(capture, &header->ts);
	if (!stoq_link_packet(capture->link, frame, header->caplen, header->len, &packet)) {
		notes->other++;
		return 0;
	}
	return sink->take(sink->context, &packet, capture->now_ns);
}

/* libpcap has one code for all errors; a file that was cut is usual: a capture that was killed. */
static int on_error(struct stoq_capture_file *capture, struct stoq_error *error)
{
	const char *why = pcap_geterr(capture->pcap);

	if (strstr(why, "truncated")) {
		capture->notes.ends_in_packet = true;
		return 0;
	}
	return stoq_error_set(error, -EPROTO,
		"%s cannot be read beyond packet %llu: %s. The figures are those of the packets "
		"before it",
		capture->name, (unsigned long long)capture->notes.packets, why);
}

int stoq_capture_read(struct stoq_capture_file *capture, const struct stoq_capture_sink *sink,
	size_t most, struct stoq_error *error)
{
	struct pcap_pkthdr *header;
	const uint8_t *frame;

	for (size_t i = 0; i < most; i++) {
		int result = pcap_next_ex(capture->pcap, &header, &frame);

		if (result == PCAP_ERROR_BREAK)
			return 0;
		if (result != 1)
			return on_error(capture, error);
		result = take(capture, sink, header, frame);
		if (result)
			return result;
	}
	return 1;
}

const struct stoq_capture_notes *stoq_capture_notes(const struct stoq_capture_file *capture)
{
	return &capture->notes;
}
