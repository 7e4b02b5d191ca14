/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the wire formats need from their surroundings, for user space and BPF alike:
 * integer types, and conversions from the little-endian types that NVMe uses throughout.
 */
#include <linux/types.h>

#define NVME_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)
#define NVME_ASSERT_OFFSET(type, field, bytes)                                                     \
	_Static_assert(__builtin_offsetof(type, field) == (bytes), "offset of " #type "." #field)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define nvme_swap16(x) ((__u16)(x))
#define nvme_swap32(x) ((__u32)(x))
#define nvme_swap64(x) ((__u64)(x))
#else
#define nvme_swap16(x) __builtin_bswap16(x)
#define nvme_swap32(x) __builtin_bswap32(x)
#define nvme_swap64(x) __builtin_bswap64(x)
#endif

static inline __u16 nvme_le16(__le16 x)
{
	return nvme_swap16((__u16)x);
}
static inline __u32 nvme_le32(__le32 x)
{
	return nvme_swap32((__u32)x);
}
static inline __u64 nvme_le64(__le64 x)
{
	return nvme_swap64((__u64)x);
}
static inline __le16 nvme_to_le16(__u16 x)
{
	return (__le16)nvme_swap16(x);
}
static inline __le32 nvme_to_le32(__u32 x)
{
	return (__le32)nvme_swap32(x);
}
static inline __le64 nvme_to_le64(__u64 x)
{
	return (__le64)nvme_swap64(x);
}
