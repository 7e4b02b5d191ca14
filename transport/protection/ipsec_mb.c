// SPDX-License-Identifier: BSD-2-Clause
/*
 * libipsec-mb by its direct functions, one packet a call: its job queue interleaves packets only
 * for ciphers that cannot be parallel within a packet, which GCM and ChaCha20-Poly1305 can.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <immintrin.h>
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/protection/backend_private.h"

#define BLOCK_BYTES	 16
#define ROUND_KEYS_MAX	 15
#define CHACHA_KEY_BYTES 32

/* The library's key schedules want this, and the compiler assumes it of their types. */
#define KEY_ALIGNMENT 64

struct mb_packet_key {
	struct stoq_packet_key base;
	enum stoq_cipher cipher;
	union {
		struct {
			struct gcm_key_data schedule;
			struct gcm_context_data work;
		} gcm;
		struct {
			uint8_t key[CHACHA_KEY_BYTES];
			struct chacha20_poly1305_context_data work;
		} chacha;
	};
} __attribute__((aligned(KEY_ALIGNMENT)));

/* For ChaCha20 GnuTLS makes the mask: the library has no direct function for a single block. */
struct mb_header_key {
	struct stoq_header_key base;
	struct stoq_header_key *chacha;
	unsigned int rounds;
	uint8_t round_keys[ROUND_KEYS_MAX * BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));
} __attribute__((aligned(KEY_ALIGNMENT)));

/* Only its function pointers are used after the start, so threads share it. */
static IMB_MGR *manager;
static char description[96];
static const char *missing;
static const struct stoq_protection_backend backend;

static void *new_aligned(size_t size)
{
	void *memory = aligned_alloc(KEY_ALIGNMENT, size);

	if (memory)
		memset(memory, 0, size);
	return memory;
}

static int packet_key_new(
	struct stoq_packet_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	struct mb_packet_key *made = new_aligned(sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->base.backend = &backend;
	made->cipher = cipher;
	if (cipher == STOQ_AES_128_GCM)
		IMB_AES128_GCM_PRE(manager, key_bytes, &made->gcm.schedule);
	else if (cipher == STOQ_AES_256_GCM)
		IMB_AES256_GCM_PRE(manager, key_bytes, &made->gcm.schedule);
	else
		memcpy(made->chacha.key, key_bytes, sizeof(made->chacha.key));
	*key = &made->base;
	return 0;
}

static void packet_key_free(struct stoq_packet_key *key)
{
	explicit_bzero(key, sizeof(struct mb_packet_key));
	free(key);
}

static int chacha_header_key(struct mb_header_key *made, const uint8_t *key_bytes)
{
	return stoq_protection_gnutls()->header_key_new(
		&made->chacha, STOQ_CHACHA20_POLY1305, key_bytes);
}

static void aes_header_key(
	struct mb_header_key *made, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	uint8_t unused[ROUND_KEYS_MAX * BLOCK_BYTES] __attribute__((aligned(BLOCK_BYTES)));

	if (cipher == STOQ_AES_128_GCM) {
		made->rounds = 10;
		IMB_AES_KEYEXP_128(manager, key_bytes, made->round_keys, unused);
	} else {
		made->rounds = 14;
		IMB_AES_KEYEXP_256(manager, key_bytes, made->round_keys, unused);
	}
	explicit_bzero(unused, sizeof(unused));
}

static void wipe_header_key(struct mb_header_key *made)
{
	if (made->chacha)
		made->chacha->backend->header_key_free(made->chacha);
	explicit_bzero(made, sizeof(*made));
	free(made);
}

static void header_key_free(struct stoq_header_key *key)
{
	wipe_header_key((struct mb_header_key *)key);
}

static int header_key_new(
	struct stoq_header_key **key, enum stoq_cipher cipher, const uint8_t *key_bytes)
{
	struct mb_header_key *made = new_aligned(sizeof(*made));
	int ret = 0;

	if (!made)
		return -ENOMEM;
	made->base.backend = &backend;
	if (cipher == STOQ_CHACHA20_POLY1305)
		ret = chacha_header_key(made, key_bytes);
	else
		aes_header_key(made, cipher, key_bytes);
	if (ret)
		wipe_header_key(made);
	else
		*key = &made->base;
	return ret;
}

/* The direct functions refuse a null pointer even to nothing. */
static const uint8_t *not_null(const uint8_t *bytes)
{
	static const uint8_t nothing[1];

	return bytes ? bytes : nothing;
}

static int seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain, size_t size,
	const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	struct mb_packet_key *made = (struct mb_packet_key *)key;
	uint8_t *tag = out + size;

	plain = not_null(plain);
	associated = not_null(associated);
	switch (made->cipher) {
	case STOQ_AES_128_GCM:
		IMB_AES128_GCM_ENC(manager, &made->gcm.schedule, &made->gcm.work, out, plain, size,
			nonce, associated, associated_size, tag, STOQ_PROTECTION_TAG_BYTES);
		return 0;
	case STOQ_AES_256_GCM:
		IMB_AES256_GCM_ENC(manager, &made->gcm.schedule, &made->gcm.work, out, plain, size,
			nonce, associated, associated_size, tag, STOQ_PROTECTION_TAG_BYTES);
		return 0;
	default:
		IMB_CHACHA20_POLY1305_INIT(manager, made->chacha.key, &made->chacha.work, nonce,
			associated, associated_size);
		IMB_CHACHA20_POLY1305_ENC_UPDATE(
			manager, made->chacha.key, &made->chacha.work, out, plain, size);
		IMB_CHACHA20_POLY1305_ENC_FINALIZE(
			manager, &made->chacha.work, tag, STOQ_PROTECTION_TAG_BYTES);
		return 0;
	}
}

static void decrypt(struct mb_packet_key *made, uint8_t *out, const uint8_t *sealed, size_t size,
	const uint8_t *nonce, const uint8_t *associated, size_t associated_size, uint8_t *tag)
{
	switch (made->cipher) {
	case STOQ_AES_128_GCM:
		IMB_AES128_GCM_DEC(manager, &made->gcm.schedule, &made->gcm.work, out, sealed, size,
			nonce, associated, associated_size, tag, STOQ_PROTECTION_TAG_BYTES);
		break;
	case STOQ_AES_256_GCM:
		IMB_AES256_GCM_DEC(manager, &made->gcm.schedule, &made->gcm.work, out, sealed, size,
			nonce, associated, associated_size, tag, STOQ_PROTECTION_TAG_BYTES);
		break;
	default:
		IMB_CHACHA20_POLY1305_INIT(manager, made->chacha.key, &made->chacha.work, nonce,
			associated, associated_size);
		IMB_CHACHA20_POLY1305_DEC_UPDATE(
			manager, made->chacha.key, &made->chacha.work, out, sealed, size);
		IMB_CHACHA20_POLY1305_DEC_FINALIZE(
			manager, &made->chacha.work, tag, STOQ_PROTECTION_TAG_BYTES);
	}
}

static int open_sealed(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	size_t size, const uint8_t *nonce, const uint8_t *associated, size_t associated_size)
{
	size_t plain = size - STOQ_PROTECTION_TAG_BYTES;
	uint8_t tag[STOQ_PROTECTION_TAG_BYTES];
	int differs;

	decrypt((struct mb_packet_key *)key, out, sealed, plain, nonce, not_null(associated),
		associated_size, tag);
	differs = gnutls_memcmp(tag, sealed + plain, sizeof(tag));
	/* With the right tag of a forged packet an attacker could complete it. */
	explicit_bzero(tag, sizeof(tag));
	return differs ? -EBADMSG : 0;
}

__attribute__((target("aes"))) static void encrypt_block(
	const struct mb_header_key *key, uint8_t *out, const uint8_t *in)
{
	const __m128i *round_key = (const __m128i *)key->round_keys;
	__m128i block = _mm_loadu_si128((const __m128i *)in);

	block = _mm_xor_si128(block, round_key[0]);
	for (unsigned int round = 1; round < key->rounds; round++)
		block = _mm_aesenc_si128(block, round_key[round]);
	block = _mm_aesenclast_si128(block, round_key[key->rounds]);
	_mm_storeu_si128((__m128i *)out, block);
}

static int mask(struct stoq_header_key *key, uint8_t *out, const uint8_t *sample)
{
	struct mb_header_key *made = (struct mb_header_key *)key;
	uint8_t block[BLOCK_BYTES];

	if (made->chacha)
		return made->chacha->backend->mask(made->chacha, out, sample);
	encrypt_block(made, block, sample);
	memcpy(out, block, STOQ_PROTECTION_MASK_BYTES);
	return 0;
}

static const struct stoq_protection_backend backend = {
	.name = "ipsec-mb",
	.description = description,
	.packet_key_new = packet_key_new,
	.packet_key_free = packet_key_free,
	.header_key_new = header_key_new,
	.header_key_free = header_key_free,
	.seal = seal,
	.open = open_sealed,
	.mask = mask,
};

/* ---- the start ---- */

static const char *architecture_name(IMB_ARCH architecture, uint64_t features)
{
	const bool wide = (features & IMB_FEATURE_VAES) && (features & IMB_FEATURE_VPCLMULQDQ);

	switch (architecture) {
	case IMB_ARCH_AVX512:
		return wide ? "AVX-512, VAES" : "AVX-512";
	case IMB_ARCH_AVX2:
		return wide ? "AVX2, VAES" : "AVX2";
#if IMB_VERSION_NUM < IMB_VERSION(2, 0, 0) /* 2.0 has no code of its own for it */
	case IMB_ARCH_AVX:
		return "AVX";
#endif
	default:
		return "SSE";
	}
}

static void start(void)
{
	IMB_ARCH architecture = IMB_ARCH_NONE;
	IMB_MGR *started = alloc_mb_mgr(0);

	if (!started) {
		missing = "there is no memory for it";
		return;
	}
	init_mb_mgr_auto(started, &architecture);
	if (!(started->features & IMB_FEATURE_AESNI) ||
		!(started->features & IMB_FEATURE_PCLMULQDQ))
		missing = "this CPU has no AES or no carry-less multiplication instructions";
	else if (imb_get_errno(started) || architecture == IMB_ARCH_NONE)
		missing = "it did not start on this CPU";
	else if ((started->features & IMB_FEATURE_SELF_TEST) &&
		 !(started->features & IMB_FEATURE_SELF_TEST_PASS))
		missing = "its self-test failed";
	if (missing) {
		free_mb_mgr(started);
		return;
	}
	snprintf(description, sizeof(description), "libipsec-mb %s (%s)", imb_get_version_str(),
		architecture_name(architecture, started->features));
	manager = started;
}

const struct stoq_protection_backend *stoq_protection_ipsec_mb(const char **why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	*why = missing;
	return manager ? &backend : NULL;
}
