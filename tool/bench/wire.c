// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define PIECE (128u * 1024)

static const uint8_t zeros[PIECE];
static const char magic[4] = {'S', 'Q', 'B', '1'};

static uint64_t timeval_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_usec * 1000;
}

struct bench_cpu bench_own_cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct bench_cpu){
		.user_ns = timeval_ns(&usage.ru_utime), .system_ns = timeval_ns(&usage.ru_stime)};
}

static void put(uint8_t *out, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *in, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = bytes; i > 0; i--)
		value = value << 8 | in[i - 1];
	return value;
}

void bench_write_header(uint8_t out[static BENCH_HEADER_BYTES], const struct bench_header *header)
{
	memcpy(out, magic, 4);
	put(out + 4, header->kind, 4);
	put(out + 8, header->request_bytes, 4);
	put(out + 12, header->response_bytes, 4);
}

int bench_read_header(const uint8_t in[static BENCH_HEADER_BYTES], struct bench_header *header)
{
	uint32_t kind = (uint32_t)get(in + 4, 4);

	header->request_bytes = (uint32_t)get(in + 8, 4);
	header->response_bytes = (uint32_t)get(in + 12, 4);
	if (memcmp(in, magic, 4) != 0 || kind < BENCH_SINK || kind > BENCH_REPORT)
		return -EBADMSG;
	header->kind = (enum bench_kind)kind;
	if (header->kind != BENCH_ECHO)
		return 0;
	if (!header->request_bytes || header->request_bytes > BENCH_MESSAGE_MAX ||
		!header->response_bytes || header->response_bytes > BENCH_MESSAGE_MAX)
		return -EBADMSG;
	return 0;
}

void bench_write_report(uint8_t out[static BENCH_REPORT_BYTES], const struct bench_report *report)
{
	put(out, report->now_ns, 8);
	put(out + 8, report->received_bytes, 8);
	put(out + 16, report->cpu.user_ns, 8);
	put(out + 24, report->cpu.system_ns, 8);
}

void bench_read_report(const uint8_t in[static BENCH_REPORT_BYTES], struct bench_report *report)
{
	report->now_ns = get(in, 8);
	report->received_bytes = get(in + 8, 8);
	report->cpu.user_ns = get(in + 16, 8);
	report->cpu.system_ns = get(in + 24, 8);
}

static void released(void *argument)
{
}

void bench_pump(struct stoq_stream *stream)
{
	while (stoq_stream_write_owned(stream, zeros, PIECE, 0, released, NULL) == 0)
		;
}

uint64_t bench_write_zeros(struct stoq_stream *stream, uint64_t bytes)
{
	uint64_t written = 0;

	while (written < bytes) {
		uint64_t rest = bytes - written;
		size_t size = rest < PIECE ? (size_t)rest : PIECE;
		ssize_t ret = stoq_stream_write(stream, zeros, size, 0);

		if (ret <= 0)
			break;
		written += (uint64_t)ret;
		if ((size_t)ret < size)
			break;
	}
	return written;
}
