// SPDX-License-Identifier: BSD-2-Clause
#include "tool/bench/common.h"

#include "base/privileges.h"
#include "tool/message.h"

/* An hour: as long as anything is measured. */
#define SPIN_US 3600000000u

void bench_say(enum stoq_log_level level, const char *text, void *user)
{
	if (level == STOQ_LOG_WARNING)
		tool_notice("%s", text);
}

void bench_configure(struct stoq_transport_config *config, const struct bench_options *options,
	const struct bench_identity *identity)
{
	static const char *const everybody[] = {"*"};
	/* What comes to another application by mistake is refused, and the other way round. */
	static const char *const alpn[] = {"stoq-bench/1"};

	stoq_transport_config_init(config);
	config->tls.ca_file = identity->ca;
	config->tls.certificate_file = identity->certificate;
	config->tls.key_file = identity->key;
	config->tls.crl_file = identity->has_crl ? identity->crl : NULL;
	config->tls.peer_names = everybody;
	config->tls.peer_name_count = 1;
	config->alpn = alpn;
	config->alpn_count = 1;
	config->tls.insecure = options->insecure;
	config->congestion_control = options->congestion_control;
	config->pacing = !options->no_pacing;
	config->busy_poll_us = options->busy_poll_us;
	config->datapath = options->datapath;
	config->interface = options->interface;
	config->xdp_filter = options->xdp_filter;
	config->filter_place = options->filter_place;
	config->max_connections = 8192;
	/* What is measured is the transport, not this limit. */
	config->max_memory_bytes = 1ull << 40;
	config->max_bidirectional_streams = 2 * 4096 + 2;
	if (options->spin)
		config->spin_us = SPIN_US;
	if (options->max_payload_bytes)
		config->max_udp_payload_bytes = (uint16_t)options->max_payload_bytes;
	if (options->window_bytes) {
		config->max_window_bytes = options->window_bytes;
		config->max_stream_window_bytes = options->window_bytes;
	}
}

int bench_drop_privileges(struct stoq_transport *transport, struct stoq_error *error)
{
	struct stoq_ebpf_status status;

	stoq_transport_ebpf_status(transport, &status);
	return stoq_drop_privileges(status.interface[0] ? STOQ_KEEP_BPF : 0, error);
}
