// SPDX-License-Identifier: BSD-2-Clause
#include "transport/settings_check.h"

/* What a configuration may be: values without sense are refused with the reason, never bent. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "pki/files.h"
#include "pki/names.h"
#include "transport/budget.h"
#include "transport/settings.h"

#define MS_NS		 1000000ull
#define SECOND_NS	 1000000000ull
#define TIME_MAX_NS	 (86400 * SECOND_NS)
#define WORKERS_MAX	 64
#define SPIN_MAX_US	 1000000
#define SOCKET_BYTES_MAX (1u << 30) /* the kernel doubles it, and counts in an int */
#define WINDOW_MAX	 (1ull << 40)
#define STREAMS_MAX	 (1u << 20)
#define MIN_UDP_BYTES	 1200

struct range {
	const char *name;
	uint64_t value, min, max;
};

static int check_ranges(const struct stoq_transport_config *config, struct stoq_error *error)
{
	const struct range ranges[] = {
		{"workers", config->workers, 1, WORKERS_MAX},
		{"spin_us", config->spin_us, 0, SPIN_MAX_US},
		{"busy_poll_us", config->busy_poll_us, 0, SPIN_MAX_US},
		{"socket_receive_bytes", config->socket_receive_bytes, 0, SOCKET_BYTES_MAX},
		{"socket_send_bytes", config->socket_send_bytes, 0, SOCKET_BYTES_MAX},
		{"max_connections", config->max_connections, 1, 1u << 24},
		{"max_half_open", config->max_half_open, 1, 1u << 24},
		{"max_bidirectional_streams", config->max_bidirectional_streams, 0, STREAMS_MAX},
		{"max_unidirectional_streams", config->max_unidirectional_streams, 0, STREAMS_MAX},
		{"stream_window_bytes", config->stream_window_bytes, 1024,
			config->max_stream_window_bytes},
		{"max_stream_window_bytes", config->max_stream_window_bytes, 1024, WINDOW_MAX},
		{"window_bytes", config->window_bytes, 1024, config->max_window_bytes},
		{"max_window_bytes", config->max_window_bytes, 1024, WINDOW_MAX},
		{"send_buffer_bytes", config->send_buffer_bytes, 1, WINDOW_MAX},
		{"max_datagram_bytes", config->max_datagram_bytes, 0, 65000},
		{"max_queued_datagrams", config->max_queued_datagrams, 1, 65536},
		{"handshake_timeout_ns", config->handshake_timeout_ns, MS_NS, TIME_MAX_NS},
		{"initial_rtt_ns", config->initial_rtt_ns, 1000, 10 * SECOND_NS},
		{"congestion_control", config->congestion_control, STOQ_CUBIC, STOQ_RENO},
		{"max_udp_payload_bytes", config->max_udp_payload_bytes, MIN_UDP_BYTES, 65527},
		{"key_update_packets", config->key_update_packets, 64, STOQ_KEY_UPDATE_PACKETS_MAX},
		{"retry", config->retry, STOQ_RETRY_UNDER_LOAD, STOQ_RETRY_NEVER},
		{"datapath", config->datapath, STOQ_DATAPATH_AUTO, STOQ_DATAPATH_AF_XDP},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *range = &ranges[i];

		if (range->value < range->min || range->value > range->max)
			return stoq_error_set(error, -EINVAL,
				"%s is %" PRIu64 ", but must be %" PRIu64 " to %" PRIu64
				". stoq_transport_config_init() sets a sensible value",
				range->name, range->value, range->min, range->max);
	}
	return 0;
}

/* 0 turns these off; QUIC counts idle timeouts in milliseconds (RFC 9000, section 18.2). */
static int check_times(const struct stoq_transport_config *config, struct stoq_error *error)
{
	const struct {
		const char *name;
		uint64_t value_ns;
	} times[] = {
		{"idle_timeout_ns", config->idle_timeout_ns},
		{"keep_alive_ns", config->keep_alive_ns},
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].value_ns &&
			(times[i].value_ns < MS_NS || times[i].value_ns > TIME_MAX_NS))
			return stoq_error_set(error, -EINVAL,
				"%s is %" PRIu64 ", but must be 1 ms to 1 day in nanoseconds, or 0 "
				"for none",
				times[i].name, times[i].value_ns);
	}
	return 0;
}

/* Whatever happens, every connection can go on, if slowly. */
static int check_memory(const struct stoq_transport_config *config, struct stoq_error *error)
{
	uint64_t each = (config->max_connections + config->workers - 1ull) / config->workers;
	uint64_t least = each * config->workers * STOQ_BUDGET_MIN;

	if (config->max_memory_bytes >= least)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"max_memory_bytes is %" PRIu64 ", and %u connections need %" PRIu64
		" at least, 256 KiB each. Raise it, or lower max_connections",
		config->max_memory_bytes, config->max_connections, least);
}

/* RFC 7301, 3.1. */
static int check_alpn(const struct stoq_transport_config *config, struct stoq_error *error)
{
	if (!config->alpn != !config->alpn_count || config->alpn_count > STOQ_ALPN_MAX)
		return stoq_error_set(error, -EINVAL,
			"alpn has %zu names, but must have 1 to %d, or be NULL for the default",
			config->alpn ? config->alpn_count : 0, STOQ_ALPN_MAX);
	/* RFC 8446, 4.2.10; GnuTLS does not compare it with the ticket's. */
	if (config->early_data && config->alpn_count > 1)
		return stoq_error_set(error, -EINVAL,
			"alpn has %zu names, and early_data allows one. Make a transport for each",
			config->alpn_count);
	for (size_t i = 0; i < config->alpn_count; i++) {
		size_t bytes = config->alpn[i] ? strlen(config->alpn[i]) : 0;

		if (!bytes || bytes > UINT8_MAX)
			return stoq_error_set(error, -EINVAL,
				"name %zu of alpn has %zu bytes, but must have 1 to 255", i + 1,
				bytes);
	}
	return 0;
}

/* A name that is cut could be another interface's. */
static int check_interface(const struct stoq_transport_config *config, struct stoq_error *error)
{
	if (!config->interface || (config->interface[0] && strlen(config->interface) < IF_NAMESIZE))
		return 0;
	return stoq_error_set(error, -ENODEV,
		"there is no interface '%.60s': names have 1 to %d characters", config->interface,
		IF_NAMESIZE - 1);
}

/* A pattern that no name can match would lock a peer out without a word. */
static bool is_pattern(const char *text)
{
	struct stoq_pki_name name;

	if (strcmp(text, "*") == 0)
		return true;
	if (strncmp(text, "*.", 2) == 0)
		return !stoq_pki_name_set(&name, STOQ_PKI_DNS, text + 2, NULL);
	return !stoq_pki_name_parse(&name, text, NULL);
}

static int check_peer_names(const struct stoq_tls_config *tls, struct stoq_error *error)
{
	if (tls->peer_name_count && !tls->peer_names)
		return stoq_error_set(error, -EINVAL, "peer_name_count is %zu, but peer_names NULL",
			tls->peer_name_count);
	for (size_t i = 0; i < tls->peer_name_count; i++) {
		if (!tls->peer_names[i])
			return stoq_error_set(error, -EINVAL, "peer_names[%zu] is NULL", i);
		if (!is_pattern(tls->peer_names[i]))
			return stoq_error_set(error, -EINVAL,
				"peer_names[%zu], '%.60s', is no name that a peer can have: write "
				"a DNS name, an address, a URI, *.DOMAIN, or *",
				i, tls->peer_names[i]);
	}
	return 0;
}

/* Checked here: the first connection would be too late for an error that a user reads. */
static int check_qlog(const struct stoq_transport_config *config, struct stoq_error *error)
{
	const char *path = config->qlog_directory;
	struct stat status;
	int code;

	if (!path)
		return 0;
	code = stat(path, &status) ? -errno : S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
	if (!code && access(path, W_OK | X_OK))
		code = -errno;
	return code ? stoq_error_set(error, code,
			      "qlog files cannot be made in %s: %s. Make that folder, or choose "
			      "another qlog_directory",
			      path, strerror(-code))
		    : 0;
}

static int check_early_data(const struct stoq_transport_config *config, struct stoq_error *error)
{
	if (!config->listen || !config->early_data || config->resumption)
		return 0;
	return stoq_error_set(error, -EINVAL,
		"early_data needs resumption: only a client that resumes can send early. Turn "
		"both on, or both off");
}

static int check_pem(
	const char *name, const char *file, struct stoq_pem text, struct stoq_error *error)
{
	if (file && text.data)
		return stoq_error_set(error, -EINVAL,
			"%s is given twice, as a file and as text: leave one of them out", name);
	if (!text.data != !text.size || text.size > STOQ_PKI_FILE_MAX)
		return stoq_error_set(error, -EINVAL,
			"%s is text of %zu bytes; it must be 1 to %u, or NULL and 0", name,
			text.size, STOQ_PKI_FILE_MAX);
	return 0;
}

/* Each of the four from one place. */
static int check_sources(const struct stoq_tls_config *tls, struct stoq_error *error)
{
	int status = check_pem("ca", tls->ca_file, tls->ca, error);

	if (!status)
		status = check_pem("certificate", tls->certificate_file, tls->certificate, error);
	if (!status)
		status = check_pem("key", tls->key_file, tls->key, error);
	return status ? status : check_pem("crl", tls->crl_file, tls->crl, error);
}

static int check_tls(const struct stoq_transport_config *config, struct stoq_error *error)
{
	const struct stoq_tls_config *tls = &config->tls;
	bool ca = tls->ca_file || tls->ca.data, key = tls->key_file || tls->key.data;
	bool certificate = tls->certificate_file || tls->certificate.data;
	int status = check_sources(tls, error);

	if (status)
		return status;
	if (certificate != key)
		return stoq_error_set(error, -EINVAL,
			"a certificate and its key belong together, and only the %s is given. "
			"Set both certificate_file and key_file",
			key ? "key" : "certificate");
	if (config->listen && !certificate)
		return stoq_error_set(error, -EINVAL,
			"who listens needs a certificate and its key, and there are none. "
			"`stoq pki init` and `stoq pki issue` make them");
	if (tls->insecure)
		return 0;
	if (!ca)
		return stoq_error_set(error, -EINVAL,
			"without ca_file no peer's certificate can be checked. "
			"`stoq pki init` makes a private authority");
	if (!certificate)
		return stoq_error_set(error, -EINVAL,
			"peers authenticate each other, and we have no certificate to show. "
			"`stoq pki issue` makes one");
	if (config->listen && !tls->peer_name_count)
		return stoq_error_set(error, -EINVAL,
			"peer_names is empty, so nobody may connect. Name the peers; "
			"\"*\" means all that the authority signed");
	return 0;
}

int stoq_settings_check(const struct stoq_transport_config *config, struct stoq_error *error)
{
	int (*const checks[])(
		const struct stoq_transport_config *config, struct stoq_error *error) = {
		check_ranges,
		check_times,
		check_memory,
		check_interface,
		check_alpn,
		check_tls,
		check_early_data,
		check_qlog,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int status = checks[i](config, error);

		if (status)
			return status;
	}
	return check_peer_names(&config->tls, error);
}
