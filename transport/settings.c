// SPDX-License-Identifier: BSD-2-Clause
#include "transport/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "transport/settings_check.h"

#define SECOND_NS 1000000000ull
#define MIB	  (1024ull * 1024)

void stoq_transport_config_init(struct stoq_transport_config *config)
{
	*config = (struct stoq_transport_config){
		.port = STOQ_DEFAULT_PORT,
		.workers = 1,
		.socket_receive_bytes = 8 * MIB,
		.socket_send_bytes = 8 * MIB,
		.max_connections = 4096,
		.max_half_open = 1024,
		.max_bidirectional_streams = 256,
		.max_unidirectional_streams = 256,
		.stream_window_bytes = MIB,
		.max_stream_window_bytes = 16 * MIB,
		.window_bytes = 4 * MIB,
		.max_window_bytes = 32 * MIB,
		.send_buffer_bytes = 16 * MIB,
		.max_memory_bytes = 4096 * MIB,
		.max_datagram_bytes = 65000,
		.max_queued_datagrams = 64,
		.handshake_timeout_ns = 10 * SECOND_NS,
		.idle_timeout_ns = 30 * SECOND_NS,
		.initial_rtt_ns = SECOND_NS / 10,
		.congestion_control = STOQ_CUBIC,
		.pacing = true,
		.max_udp_payload_bytes = 65000,
		.path_mtu_discovery = true,
		.migration = true,
		.key_update_packets = STOQ_KEY_UPDATE_PACKETS_MAX,
		.resumption = true,
		.retry = STOQ_RETRY_UNDER_LOAD,
		.retry_half_open = 64,
	};
}

/* Copies a string behind *end and moves that on; NULL stays NULL. */
static const char *keep(char **end, const char *text)
{
	char *copy = *end;

	if (!text)
		return NULL;
	*end = stpcpy(copy, text) + 1;
	return copy;
}

static struct stoq_pem keep_pem(char **end, struct stoq_pem pem)
{
	struct stoq_pem copy = {.data = pem.data ? *end : NULL, .size = pem.size};

	if (!pem.data)
		return (struct stoq_pem){0};
	memcpy(*end, pem.data, pem.size);
	*end += pem.size;
	return copy;
}

static size_t bytes_of(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t all_bytes(const struct stoq_transport_config *config)
{
	const struct stoq_tls_config *tls = &config->tls;
	size_t bytes = 1 + bytes_of(config->bind_address) + bytes_of(config->interface) +
		       bytes_of(config->qlog_directory) + bytes_of(config->reset_key_file) +
		       bytes_of(tls->ca_file) + bytes_of(tls->certificate_file) +
		       bytes_of(tls->key_file) + bytes_of(tls->crl_file) +
		       bytes_of(tls->keylog_file) + tls->ca.size + tls->certificate.size +
		       tls->key.size + tls->crl.size;

	for (size_t i = 0; i < tls->peer_name_count; i++)
		bytes += bytes_of(tls->peer_names[i]);
	for (size_t i = 0; i < config->alpn_count; i++)
		bytes += bytes_of(config->alpn[i]);
	return bytes + sizeof(STOQ_ALPN);
}

static void keep_strings(struct stoq_settings *settings, const struct stoq_transport_config *from)
{
	struct stoq_transport_config *config = &settings->config;
	struct stoq_tls_config *tls = &config->tls;
	char *end = settings->strings;

	config->bind_address = keep(&end, from->bind_address);
	config->interface = keep(&end, from->interface);
	config->qlog_directory = keep(&end, from->qlog_directory);
	config->reset_key_file = keep(&end, from->reset_key_file);
	tls->ca_file = keep(&end, from->tls.ca_file);
	tls->certificate_file = keep(&end, from->tls.certificate_file);
	tls->key_file = keep(&end, from->tls.key_file);
	tls->crl_file = keep(&end, from->tls.crl_file);
	tls->keylog_file = keep(&end, from->tls.keylog_file);
	tls->ca = keep_pem(&end, from->tls.ca);
	tls->certificate = keep_pem(&end, from->tls.certificate);
	tls->key = keep_pem(&end, from->tls.key);
	tls->crl = keep_pem(&end, from->tls.crl);
	for (size_t i = 0; i < from->tls.peer_name_count; i++)
		settings->names[i] = keep(&end, from->tls.peer_names[i]);
	tls->peer_names = settings->names;
	for (size_t i = 0; i < from->alpn_count; i++)
		settings->alpn[i] = keep(&end, from->alpn[i]);
	if (!from->alpn)
		settings->alpn[0] = keep(&end, STOQ_ALPN);
	config->alpn = settings->alpn;
	config->alpn_count = from->alpn ? from->alpn_count : 1;
}

int stoq_settings_new(struct stoq_settings **settings, const struct stoq_transport_config *config,
	struct stoq_error *error)
{
	struct stoq_settings *new;
	int status = stoq_settings_check(config, error);

	if (status)
		return status;
	new = calloc(1, sizeof(*new));
	if (new) {
		new->references = 1;
		new->config = *config;
		new->string_bytes = all_bytes(config);
		new->strings = malloc(new->string_bytes);
		new->names = calloc(config->tls.peer_name_count + 1, sizeof(new->names[0]));
		new->alpn = calloc(config->alpn_count + 1, sizeof(new->alpn[0]));
	}
	if (!new || !new->strings || !new->names || !new->alpn) {
		stoq_settings_release(new);
		return stoq_error_set(error, -ENOMEM, "no memory for the transport's settings");
	}
	keep_strings(new, config);
	*settings = new;
	return 0;
}

struct stoq_settings *stoq_settings_hold(struct stoq_settings *settings)
{
	__atomic_add_fetch(&settings->references, 1, __ATOMIC_RELAXED);
	return settings;
}

void stoq_settings_release(struct stoq_settings *settings)
{
	if (!settings || __atomic_sub_fetch(&settings->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (settings->strings)
		explicit_bzero(settings->strings, settings->string_bytes);
	free(settings->strings);
	free(settings->names);
	free(settings->alpn);
	free(settings);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* NULL stands for the default, which kept settings have in its place. */
static bool same_alpn(
	const struct stoq_transport_config *from, const struct stoq_transport_config *to)
{
	static const char *const usual[] = {STOQ_ALPN};
	const char *const *before = from->alpn ? from->alpn : usual;
	const char *const *after = to->alpn ? to->alpn : usual;
	size_t count = from->alpn ? from->alpn_count : 1;

	if ((to->alpn ? to->alpn_count : 1) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_text(before[i], after[i]))
			return false;
	return true;
}

static bool same_pem(struct stoq_pem one, struct stoq_pem other)
{
	return !one.data == !other.data && one.size == other.size &&
	       (!one.data || memcmp(one.data, other.data, one.size) == 0);
}

bool stoq_settings_same_text(const struct stoq_tls_config *one, const struct stoq_tls_config *other)
{
	return same_pem(one->ca, other->ca) && same_pem(one->certificate, other->certificate) &&
	       same_pem(one->key, other->key) && same_pem(one->crl, other->crl);
}

/* RFC 9000, 7.4.1: clients that send early data go by the limits that they were told before. */
static int check_early_limits(const struct stoq_transport_config *from,
	const struct stoq_transport_config *to, struct stoq_error *error)
{
	const struct {
		const char *name;
		uint64_t value, min;
	} limits[] = {
		{"window_bytes", to->window_bytes, from->window_bytes},
		{"stream_window_bytes", to->stream_window_bytes, from->stream_window_bytes},
		{"max_bidirectional_streams", to->max_bidirectional_streams,
			from->max_bidirectional_streams},
		{"max_unidirectional_streams", to->max_unidirectional_streams,
			from->max_unidirectional_streams},
	};

	for (size_t i = 0; to->early_data && i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].value < limits[i].min)
			return stoq_error_set(error, -EINVAL,
				"%s cannot become less than %" PRIu64 " while early_data is on. "
				"Turn that off with the same update",
				limits[i].name, limits[i].min);
	}
	return 0;
}

int stoq_settings_compatible(const struct stoq_transport_config *from,
	const struct stoq_transport_config *to, struct stoq_error *error)
{
	const struct {
		const char *name;
		bool same;
	} fixed[] = {
		{"bind_address", same_text(from->bind_address, to->bind_address)},
		{"port", from->port == to->port},
		{"listen", from->listen == to->listen},
		{"workers", from->workers == to->workers},
		{"busy_poll_us", from->busy_poll_us == to->busy_poll_us},
		{"socket_receive_bytes", from->socket_receive_bytes == to->socket_receive_bytes},
		{"socket_send_bytes", from->socket_send_bytes == to->socket_send_bytes},
		{"datapath", from->datapath == to->datapath},
		{"interface", same_text(from->interface, to->interface)},
		{"xdp_filter", from->xdp_filter == to->xdp_filter},
		{"filter_place", from->filter_place == to->filter_place},
		{"insecure", from->tls.insecure == to->tls.insecure},
		{"ca_file", same_text(from->tls.ca_file, to->tls.ca_file)},
		{"certificate_file",
			same_text(from->tls.certificate_file, to->tls.certificate_file)},
		{"key_file", same_text(from->tls.key_file, to->tls.key_file)},
		{"crl_file", same_text(from->tls.crl_file, to->tls.crl_file)},
		{"keylog_file", same_text(from->tls.keylog_file, to->tls.keylog_file)},
		{"qlog_directory", same_text(from->qlog_directory, to->qlog_directory)},
		{"reset_key_file", same_text(from->reset_key_file, to->reset_key_file)},
		{"resumption", from->resumption == to->resumption},
		{"early_data (it can only be turned off)", from->early_data || !to->early_data},
		{"callbacks",
			memcmp(&from->callbacks, &to->callbacks, sizeof(from->callbacks)) == 0},
		{"user", from->user == to->user},
		{"alpn", same_alpn(from, to)},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (!fixed[i].same)
			return stoq_error_set(error, -EINVAL,
				"%s cannot change while the transport runs. "
				"Make a new transport for that",
				fixed[i].name);
	}
	return check_early_limits(from, to, error);
}
