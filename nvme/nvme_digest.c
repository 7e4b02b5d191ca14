// SPDX-License-Identifier: BSD-2-Clause
#include "nvme/nvme_digest.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__AARCH64EL__)
#include <sys/auxv.h>
#endif

/* ---- everywhere: a table, one byte at a time ---- */

/* The CRC of byte b is the sum of those of its bits; these are the eight, lowest bit first. */
#define BIT_CRC(b, bit, crc) ((b) / (1u << (bit)) % 2 ? (crc) : 0u)
#define BYTE_CRC(b)                                                                                \
	(BIT_CRC(b, 0, 0xf26b8303u) ^ BIT_CRC(b, 1, 0xe13b70f7u) ^ BIT_CRC(b, 2, 0xc79a971fu) ^    \
		BIT_CRC(b, 3, 0x8ad958cfu) ^ BIT_CRC(b, 4, 0x105ec76fu) ^                          \
		BIT_CRC(b, 5, 0x20bd8edeu) ^ BIT_CRC(b, 6, 0x417b1dbcu) ^                          \
		BIT_CRC(b, 7, 0x82f63b78u))
#define CRC_4(b)  BYTE_CRC(b), BYTE_CRC((b) + 1), BYTE_CRC((b) + 2), BYTE_CRC((b) + 3)
#define CRC_16(b) CRC_4(b), CRC_4((b) + 4), CRC_4((b) + 8), CRC_4((b) + 12)
#define CRC_64(b) CRC_16(b), CRC_16((b) + 16), CRC_16((b) + 32), CRC_16((b) + 48)

static const uint32_t byte_crcs[256] = {CRC_64(0u), CRC_64(64u), CRC_64(128u), CRC_64(192u)};

static int always(void)
{
	return 1;
}

static uint32_t update_table(uint32_t state, const void *data, size_t length)
{
	const uint8_t *p = data;

	while (length--)
		state = state >> 8 ^ byte_crcs[(state ^ *p++) & 0xff];
	return state;
}

#if defined(__x86_64__) || defined(__AARCH64EL__)
static inline uint64_t load64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}
#endif

#if defined(__x86_64__)
/* ---- x86-64: the crc32 instruction of SSE4.2 ---- */

static int has_sse42(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t update_sse42(
	uint32_t state, const void *data, size_t length)
{
	const uint8_t *p = data;
	uint64_t crc = state;

	for (; length >= 8; p += 8, length -= 8)
		crc = _mm_crc32_u64(crc, load64(p));
	for (; length; p++, length--)
		crc = _mm_crc32_u8((uint32_t)crc, *p);
	return (uint32_t)crc;
}

/*
 * The instruction starts every cycle but takes three: three lanes of equal length run side by
 * side, and are then joined. Joining moves a lane's CRC over the bytes behind it: a product
 * with x^n modulo the polynomial. PCLMULQDQ gives the product (times x, as the bits are
 * reflected), and the crc32 instruction the remainder (times x^32), hence n = 8 * bytes - 33.
 */
struct lanes {
	size_t bytes;	   /* of one lane, a multiple of 8 */
	uint64_t over_one; /* x^(8 * bytes - 33) */
	uint64_t over_two; /* x^(16 * bytes - 33) */
};

static const struct lanes long_lanes = {1360, 0x3f70cc6f, 0x5aa1f3cf};
static const struct lanes short_lanes = {168, 0x1b3d8f29, 0xa60ce07b};

static int has_sse42_pclmul(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t move_over(uint64_t crc, uint64_t power)
{
	__m128i product = _mm_clmulepi64_si128(
		_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)power), 0);

	return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* Consumes all whole rounds of three lanes. */
__attribute__((target("sse4.2,pclmul"))) static uint64_t update_lanes(
	uint64_t crc, const uint8_t **data, size_t *length, const struct lanes *lanes)
{
	size_t bytes = lanes->bytes;
	const uint8_t *p = *data;

	for (; *length >= 3 * bytes; *length -= 3 * bytes, p += 2 * bytes) {
		uint64_t second = 0, third = 0;

		for (const uint8_t *end = p + bytes; p < end; p += 8) {
			crc = _mm_crc32_u64(crc, load64(p));
			second = _mm_crc32_u64(second, load64(p + bytes));
			third = _mm_crc32_u64(third, load64(p + 2 * bytes));
		}
		crc = move_over(crc, lanes->over_two) ^ move_over(second, lanes->over_one) ^ third;
	}
	*data = p;
	return crc;
}

static uint32_t update_sse42_lanes(uint32_t state, const void *data, size_t length)
{
	const uint8_t *p = data;
	uint64_t crc = state;

	crc = update_lanes(crc, &p, &length, &long_lanes);
	crc = update_lanes(crc, &p, &length, &short_lanes);
	return update_sse42((uint32_t)crc, p, length);
}
#endif

#if defined(__AARCH64EL__)
/* ---- ARMv8: the optional CRC32 instructions ---- */

#define ARM_HWCAP_CRC32 (1u << 7)

static int has_arm_crc(void)
{
	return !!(getauxval(AT_HWCAP) & ARM_HWCAP_CRC32);
}

/* In assembly, as gcc and clang differ in how a function is given the extension. */
static uint32_t update_arm_crc(uint32_t state, const void *data, size_t length)
{
	const uint8_t *p = data;

	for (; length >= 8; p += 8, length -= 8)
		__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
			: "+r"(state)
			: "r"(load64(p)));
	for (; length; p++, length--)
		__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(state) : "r"(*p));
	return state;
}
#endif

/* ---- which one ---- */

const struct nvme_crc32c_way nvme_crc32c_ways[] = {
#if defined(__x86_64__)
	{"sse4.2, 3 lanes", has_sse42_pclmul, update_sse42_lanes},
	{"sse4.2", has_sse42, update_sse42},
#elif defined(__AARCH64EL__)
	{"armv8-crc", has_arm_crc, update_arm_crc},
#endif
	{"table", always, update_table},
};
const size_t nvme_crc32c_way_count = sizeof(nvme_crc32c_ways) / sizeof(nvme_crc32c_ways[0]);

uint32_t nvme_crc32c_update(uint32_t state, const void *data, size_t length)
{
	/* Threads may choose at the same time: they choose the same. */
	static const struct nvme_crc32c_way *_Atomic chosen;
	const struct nvme_crc32c_way *way = atomic_load_explicit(&chosen, memory_order_relaxed);

	if (!way) {
		way = nvme_crc32c_ways;
		while (!way->usable())
			way++;
		atomic_store_explicit(&chosen, way, memory_order_relaxed);
	}
	return way->update(state, data, length);
}

int nvme_digest_agrees(uint32_t state, uint64_t bytes, uint32_t digest)
{
	static const uint8_t zeros[4];

	if (nvme_crc32c_final(state) == digest)
		return 1;
	return bytes % 4 &&
	       nvme_crc32c_final(nvme_crc32c_update(state, zeros, 4 - bytes % 4)) == digest;
}
