// SPDX-License-Identifier: BSD-2-Clause
/* The backends against each other, at every length and alignment, and against forgeries. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends.h"
#include "tests/unit/nvme/sample_stream.h"

#define LENGTH_MAX 9000
#define HEADER_MAX 64
#define ROOM	   (LENGTH_MAX + STOQ_PROTECTION_TAG_BYTES + 64)

static const enum stoq_cipher ciphers[] = {
	STOQ_AES_128_GCM, STOQ_AES_256_GCM, STOQ_CHACHA20_POLY1305};

struct packet {
	uint8_t key[32], nonce[STOQ_PROTECTION_NONCE_BYTES], header[HEADER_MAX];
	uint8_t plain[LENGTH_MAX];
	size_t header_size, size;
};

static uint32_t seed = 12345;

static void random_bytes(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)sample_random(&seed);
}

static void random_packet(struct packet *packet, size_t size)
{
	packet->size = size;
	packet->header_size = sample_random(&seed) % HEADER_MAX;
	random_bytes(packet->key, sizeof(packet->key));
	random_bytes(packet->nonce, sizeof(packet->nonce));
	random_bytes(packet->header, packet->header_size);
	random_bytes(packet->plain, size);
}

static struct stoq_packet_key *new_key(const struct stoq_protection_backend *backend,
	enum stoq_cipher cipher, const struct packet *packet)
{
	struct stoq_packet_key *key;

	assert_int_equal(backend->packet_key_new(&key, cipher, packet->key), 0);
	return key;
}

static void seal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *plain,
	const struct packet *packet)
{
	assert_int_equal(stoq_packet_seal(key, out, plain, packet->size, packet->nonce,
				 packet->header, packet->header_size),
		0);
}

static int unseal(struct stoq_packet_key *key, uint8_t *out, const uint8_t *sealed,
	const struct packet *packet)
{
	return stoq_packet_open(key, out, sealed, packet->size + STOQ_PROTECTION_TAG_BYTES,
		packet->nonce, packet->header, packet->header_size);
}

/* One backend's packet at some alignment, in place or not, is the other's, and opens there. */
static void compare(struct stoq_packet_key *one, struct stoq_packet_key *other,
	const struct packet *packet, bool in_place)
{
	static uint8_t rooms[3][ROOM];
	uint8_t *a = rooms[0] + sample_random(&seed) % 32,
		*b = rooms[1] + sample_random(&seed) % 32;
	uint8_t *opened = in_place ? a : rooms[2] + sample_random(&seed) % 32;

	if (in_place)
		memcpy(a, packet->plain, packet->size);
	seal(one, a, in_place ? a : packet->plain, packet);
	seal(other, b, packet->plain, packet);
	assert_memory_equal(a, b, packet->size + STOQ_PROTECTION_TAG_BYTES);
	assert_int_equal(unseal(other, opened, a, packet), 0);
	assert_memory_equal(opened, packet->plain, packet->size);
}

static void compare_lengths(const struct stoq_protection_backend *one,
	const struct stoq_protection_backend *other, enum stoq_cipher cipher)
{
	static struct packet packet;

	for (size_t i = 0; i < 600; i++) {
		struct stoq_packet_key *keys[2];

		random_packet(&packet, i < 300 ? i : sample_random(&seed) % LENGTH_MAX);
		keys[0] = new_key(one, cipher, &packet);
		keys[1] = new_key(other, cipher, &packet);
		compare(keys[0], keys[1], &packet, i & 1);
		compare(keys[1], keys[0], &packet, !(i & 1));
		stoq_packet_key_free(keys[0]);
		stoq_packet_key_free(keys[1]);
	}
}

static void compare_masks(const struct stoq_protection_backend *one,
	const struct stoq_protection_backend *other, enum stoq_cipher cipher)
{
	for (int i = 0; i < 200; i++) {
		uint8_t key[32], room[STOQ_PROTECTION_SAMPLE_BYTES + 16];
		uint8_t masks[2][STOQ_PROTECTION_MASK_BYTES];
		struct stoq_header_key *keys[2];

		random_bytes(key, sizeof(key));
		random_bytes(room, sizeof(room));
		assert_int_equal(one->header_key_new(&keys[0], cipher, key), 0);
		assert_int_equal(other->header_key_new(&keys[1], cipher, key), 0);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(stoq_header_mask(keys[k], masks[k], room + i % 16), 0);
			stoq_header_key_free(keys[k]);
		}
		assert_memory_equal(masks[0], masks[1], sizeof(masks[0]));
	}
}

static void test_backends_agree(void **state)
{
	const char *why;
	const struct stoq_protection_backend *ipsec_mb = stoq_protection_ipsec_mb(&why);

	if (!ipsec_mb) {
		print_message("nothing to compare GnuTLS with: libipsec-mb: %s\n", why);
		skip();
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		compare_lengths(stoq_protection_gnutls(), ipsec_mb, ciphers[i]);
		compare_masks(stoq_protection_gnutls(), ipsec_mb, ciphers[i]);
	}
	assert_true(stoq_protection_agree(stoq_protection_gnutls(), ipsec_mb));
}

/* Opens with one bit turned somewhere; the plain text must not show. */
static void expect_refusal(struct stoq_packet_key *key, struct packet *packet, uint8_t *bytes,
	size_t size, const uint8_t *sealed)
{
	uint8_t out[256];
	uint8_t *turned = bytes + sample_random(&seed) % size;
	const uint8_t bit = (uint8_t)(1u << sample_random(&seed) % 8);

	memset(out, 0xa5, sizeof(out));
	*turned ^= bit;
	assert_int_equal(unseal(key, out, sealed, packet), -EBADMSG);
	*turned ^= bit;
	for (size_t i = 0; i < packet->size; i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(out[packet->size], 0xa5);
}

static void refuse_forgeries(const struct stoq_protection_backend *backend, enum stoq_cipher cipher)
{
	static struct packet packet;
	uint8_t sealed[128 + STOQ_PROTECTION_TAG_BYTES], out[128];
	struct stoq_packet_key *key;

	random_packet(&packet, 100);
	packet.header_size = HEADER_MAX - 1;
	key = new_key(backend, cipher, &packet);
	seal(key, sealed, packet.plain, &packet);
	for (int i = 0; i < 300; i++) {
		expect_refusal(key, &packet, sealed, packet.size, sealed);
		expect_refusal(
			key, &packet, sealed + packet.size, STOQ_PROTECTION_TAG_BYTES, sealed);
		expect_refusal(key, &packet, packet.nonce, sizeof(packet.nonce), sealed);
		expect_refusal(key, &packet, packet.header, packet.header_size, sealed);
	}
	assert_int_equal(unseal(key, out, sealed, &packet), 0);
	for (size_t size = 0; size < packet.size + STOQ_PROTECTION_TAG_BYTES; size++)
		assert_int_equal(stoq_packet_open(key, out, sealed, size, packet.nonce,
					 packet.header, packet.header_size),
			-EBADMSG);
	stoq_packet_key_free(key);
}

static void refuse_all(const struct stoq_protection_backend *backend)
{
	for (size_t i = 0; i < 3; i++)
		refuse_forgeries(backend, ciphers[i]);
}

static void test_forgeries(void **state)
{
	with_each_backend(refuse_all);
}

/* Some have no associated data, and a packet may have no text. */
static void allow_nothing(const struct stoq_protection_backend *backend)
{
	static struct packet packet;
	uint8_t tag[STOQ_PROTECTION_TAG_BYTES];

	for (size_t i = 0; i < 3; i++) {
		struct stoq_packet_key *key;

		random_packet(&packet, 0);
		key = new_key(backend, ciphers[i], &packet);
		assert_int_equal(stoq_packet_seal(key, tag, NULL, 0, packet.nonce, NULL, 0), 0);
		assert_int_equal(
			stoq_packet_open(key, tag, tag, sizeof(tag), packet.nonce, NULL, 0), 0);
		stoq_packet_key_free(key);
	}
}

static void test_nothing(void **state)
{
	with_each_backend(allow_nothing);
}

static void test_free_null(void **state)
{
	stoq_packet_key_free(NULL);
	stoq_header_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backends_agree),
		cmocka_unit_test(test_forgeries),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_free_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
