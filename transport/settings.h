/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The configuration as the transport keeps it: checked, with its own copies of all strings,
 * never changed. An update makes a new one; every user of one holds a reference.
 */
#include <stdbool.h>
#include <stoq/config.h>

#define STOQ_ALPN_MAX 8 /* what GnuTLS has room for */

struct stoq_settings {
	unsigned int references; /* atomic */
	struct stoq_transport_config config;
	char *strings; /* what config's pointers point to; a private key is among it */
	size_t string_bytes;
	const char **names;
	const char **alpn;
};

/* The largest that key_update_packets may be: see there. */
#define STOQ_KEY_UPDATE_PACKETS_MAX ((1ull << 23) - (1ull << 20))

/* 0, what stoq_settings_check() returns, -ENOMEM. */
int stoq_settings_new(struct stoq_settings **settings, const struct stoq_transport_config *config,
	struct stoq_error *error);
struct stoq_settings *stoq_settings_hold(struct stoq_settings *settings);
void stoq_settings_release(struct stoq_settings *settings); /* NULL is fine */

/* Whether certificates and keys from memory are the same. */
bool stoq_settings_same_text(
	const struct stoq_tls_config *one, const struct stoq_tls_config *other);

/* Whether a running transport can change from one to the other; -EINVAL with what differs. */
int stoq_settings_compatible(const struct stoq_transport_config *from,
	const struct stoq_transport_config *to, struct stoq_error *error);
