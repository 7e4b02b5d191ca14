// SPDX-License-Identifier: BSD-2-Clause
/*
 * Known packets: RFC 9001's appendix A, RFC 8439's section 2.8.2, and the test cases of the GCM
 * submission that NIST publishes, with every backend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends.h"
#include "hex.h"
#include "transport/protection/derive.h"

struct sample {
	enum stoq_cipher cipher;
	const char *key, *nonce, *associated, *plain, *sealed;
};

/* A QUIC packet and what protects it. */
struct quic_sample {
	enum stoq_cipher cipher;
	const char *secret;
	uint64_t number;
	size_t number_offset, number_bytes;
	const char *header, *payload;
	size_t payload_bytes; /* PADDING makes it so long */
	const char *protected_header, *sealed, *sealed_end;
};

static const struct sample samples[] = {
	{STOQ_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "", "",
		"58e2fccefa7e3061367f1d57a4e7455a"},
	{STOQ_AES_128_GCM, "00000000000000000000000000000000", "000000000000000000000000", "",
		"00000000000000000000000000000000",
		"0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
	{STOQ_AES_128_GCM, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
		"5bc94fbc3221a5db94fae95ae7121a47"},
	{STOQ_AES_256_GCM, "0000000000000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
	{STOQ_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
		"76fc6ece0f4e1768cddf8853bb2d551b"},
	{STOQ_CHACHA20_POLY1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
		"73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
		"6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
		"637265656e20776f756c642062652069742e",
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
		"0691"},
	/* RFC 9001, A.4: the Retry Integrity Tag seals nothing; the packet is associated. */
	{STOQ_AES_128_GCM, "be0c690b9f66575a1d766b54e368c84e", "461599d35d632bf2239825bb",
		"088394c8f03e515708ff000000010008f067a5502a4262b5746f6b656e", "",
		"04a265ba2eff4d829058fb3f0f2496ba"},
};

static const struct quic_sample client_initial = {
	.cipher = STOQ_AES_128_GCM,
	.secret = "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
	.number = 2,
	.number_offset = 18,
	.number_bytes = 4,
	.header = "c300000001088394c8f03e5157080000449e00000002",
	.payload = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
		   "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
		   "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
		   "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
		   "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
		   "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
		   "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
		   "75300901100f088394c8f03e51570806048000ffff",
	.payload_bytes = 1162,
	.protected_header = "c000000001088394c8f03e5157080000449e7b9aec34",
	.sealed = "d1b1c98dd7689fb8ec11d242b123dc9b",
	.sealed_end = "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241"
		      "e221af44860018ab0856972e194cd934",
};

static const struct quic_sample server_initial = {
	.cipher = STOQ_AES_128_GCM,
	.secret = "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b",
	.number = 1,
	.number_offset = 18,
	.number_bytes = 2,
	.header = "c1000000010008f067a5502a4262b50040750001",
	.payload = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739"
		   "88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94"
		   "0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
		   "020304",
	.payload_bytes = 99,
	.protected_header = "cf000000010008f067a5502a4262b5004075c0d9",
	.sealed = "5a482cd0991cd25b0aac406a"
		  "5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3"
		  "dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84"
		  "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4"
		  "2158407dd074ee",
	.sealed_end = "",
};

static const struct quic_sample chacha_short = {
	.cipher = STOQ_CHACHA20_POLY1305,
	.secret = "9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b",
	.number = 654360564,
	.number_offset = 1,
	.number_bytes = 3,
	.header = "4200bff4",
	.payload = "01",
	.payload_bytes = 1,
	.protected_header = "4cfe4189",
	.sealed = "655e5cd55c41f69080575d7999c25a5bfb",
	.sealed_end = "",
};

static void check_sample(const struct stoq_protection_backend *backend, const struct sample *sample)
{
	uint8_t key_bytes[32], nonce[STOQ_PROTECTION_NONCE_BYTES], associated[64], plain[256];
	uint8_t bytes[256 + STOQ_PROTECTION_TAG_BYTES];
	size_t associated_size = hex_bytes(associated, sizeof(associated), sample->associated);
	size_t size = hex_bytes(plain, sizeof(plain), sample->plain);
	struct stoq_packet_key *key;

	hex_bytes(key_bytes, sizeof(key_bytes), sample->key);
	hex_bytes(nonce, sizeof(nonce), sample->nonce);
	assert_int_equal(backend->packet_key_new(&key, sample->cipher, key_bytes), 0);
	assert_int_equal(
		stoq_packet_seal(key, bytes, plain, size, nonce, associated, associated_size), 0);
	hex_expect(bytes, sample->sealed);
	assert_int_equal(stoq_packet_open(key, bytes, bytes, size + STOQ_PROTECTION_TAG_BYTES,
				 nonce, associated, associated_size),
		0);
	assert_memory_equal(bytes, plain, size);
	stoq_packet_key_free(key);
}

static void check_samples(const struct stoq_protection_backend *backend)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		check_sample(backend, &samples[i]);
}

static void test_samples(void **state)
{
	with_each_backend(check_samples);
}

/* RFC 9001, section 5.4.1: how the mask is laid over the header. */
static void protect_header(uint8_t *packet, const struct quic_sample *sample, const uint8_t *mask)
{
	packet[0] ^= mask[0] & (packet[0] & 0x80 ? 0x0f : 0x1f);
	for (size_t i = 0; i < sample->number_bytes; i++)
		packet[sample->number_offset + i] ^= mask[1 + i];
}

static void check_quic(
	const struct stoq_protection_backend *backend, const struct quic_sample *sample)
{
	uint8_t packet[2048] = {0}, secret[32], nonce[STOQ_PROTECTION_NONCE_BYTES];
	uint8_t mask[STOQ_PROTECTION_MASK_BYTES];
	size_t header_size = hex_bytes(packet, sizeof(packet), sample->header);
	uint8_t *payload = packet + header_size;
	struct stoq_traffic_keys keys;
	struct stoq_packet_key *key;
	struct stoq_header_key *header_key;

	hex_bytes(payload, sizeof(packet) - header_size, sample->payload);
	hex_bytes(secret, sizeof(secret), sample->secret);
	assert_int_equal(stoq_traffic_keys_derive(&keys, sample->cipher, secret), 0);
	stoq_packet_nonce(nonce, keys.iv, sample->number);
	assert_int_equal(backend->packet_key_new(&key, sample->cipher, keys.key), 0);
	assert_int_equal(backend->header_key_new(&header_key, sample->cipher, keys.header_key), 0);
	assert_int_equal(stoq_packet_seal(key, payload, payload, sample->payload_bytes, nonce,
				 packet, header_size),
		0);
	/* The sample begins where a packet number of four bytes would end. */
	assert_int_equal(stoq_header_mask(header_key, mask, packet + sample->number_offset + 4), 0);
	protect_header(packet, sample, mask);
	hex_expect(packet, sample->protected_header);
	hex_expect(payload, sample->sealed);
	hex_expect(payload + sample->payload_bytes + STOQ_PROTECTION_TAG_BYTES -
			   strlen(sample->sealed_end) / 2,
		sample->sealed_end);
	stoq_packet_key_free(key);
	stoq_header_key_free(header_key);
}

static void check_rfc9001(const struct stoq_protection_backend *backend)
{
	check_quic(backend, &client_initial);
	check_quic(backend, &server_initial);
	check_quic(backend, &chacha_short);
}

static void test_rfc9001(void **state)
{
	with_each_backend(check_rfc9001);
}

static void test_initial_secrets(void **state)
{
	uint8_t id[8], client[32], server[32];

	hex_bytes(id, sizeof(id), "8394c8f03e515708");
	assert_int_equal(stoq_initial_secrets(client, server, id, sizeof(id)), 0);
	hex_expect(client, client_initial.secret);
	hex_expect(server, server_initial.secret);
}

static void test_keys(void **state)
{
	struct stoq_traffic_keys keys;
	uint8_t secret[32];

	hex_bytes(secret, sizeof(secret), client_initial.secret);
	assert_int_equal(stoq_traffic_keys_derive(&keys, STOQ_AES_128_GCM, secret), 0);
	hex_expect(keys.key, "1f369613dd76d5467730efcbe3b1a22d");
	hex_expect(keys.iv, "fa044b2f42a3fd3b46fb255c");
	hex_expect(keys.header_key, "9f50449e04a0e810283a1e9933adedd2");
	hex_bytes(secret, sizeof(secret), chacha_short.secret);
	assert_int_equal(stoq_traffic_keys_derive(&keys, STOQ_CHACHA20_POLY1305, secret), 0);
	hex_expect(keys.key, "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8");
	hex_expect(keys.iv, "e0459b3474bdd0e44a41c144");
	hex_expect(keys.header_key,
		"25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
}

/* RFC 9001, A.5; in place, as a connection does it. */
static void test_key_update(void **state)
{
	uint8_t secret[32];

	hex_bytes(secret, sizeof(secret), chacha_short.secret);
	assert_int_equal(stoq_traffic_secret_next(secret, STOQ_CHACHA20_POLY1305, secret), 0);
	hex_expect(secret, "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_rfc9001),
		cmocka_unit_test(test_initial_secrets),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_key_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
