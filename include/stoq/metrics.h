/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A transport's metrics (stoq_transport_metrics(), stoq_transport_ebpf_status()) as text. */
#include <stddef.h>
#include <stdint.h>

#include <stoq/transport.h>

#ifdef __cplusplus
extern "C" {
#endif

enum stoq_metrics_format {
	STOQ_METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
	STOQ_METRICS_PROMETHEUS,  /* Prometheus' text format 0.0.4, which older tools read */
	STOQ_METRICS_JSON,	  /* one object */
};

/* Writes a transport's metrics as text, which is the caller's: free(). From any thread. -ENOMEM. */
STOQ_API int stoq_transport_metrics_text(struct stoq_transport *transport,
	enum stoq_metrics_format format, char **text, size_t *size);

struct stoq_metrics_endpoint;

/*
 * Serves a transport's metrics by HTTP on 127.0.0.1, in a thread of its own: /metrics (OpenMetrics for clients that
 * accept it, else Prometheus' format) and /metrics.json. port 0: the kernel chooses. There is no
 * authentication: every user of this machine may read them. -EADDRINUSE, -EACCES, ...
 */
STOQ_API int stoq_metrics_endpoint_open(struct stoq_transport *transport, uint16_t port,
	struct stoq_metrics_endpoint **endpoint, struct stoq_error *error);

/*
 * The same at an address, "192.0.2.1:9422", "[2001:db8::1]:9422" or "9422" (on 127.0.0.1). web_config: a file with TLS
 * and passwords in the format of Prometheus' exporters (doc/prometheus.md), which is read again when it or one of its
 * files changes; NULL: none. -EPERM: the address is not one of loopback, and the file does not ask for both TLS and
 * authentication; -EINVAL: the address or the file cannot be understood; -EADDRINUSE, -EACCES, ...
 */
STOQ_API int stoq_metrics_endpoint_open_at(struct stoq_transport *transport, const char *address,
	const char *web_config, struct stoq_metrics_endpoint **endpoint, struct stoq_error *error);

/* The port that the endpoint has. */
STOQ_API uint16_t stoq_metrics_endpoint_port(const struct stoq_metrics_endpoint *endpoint);

/* Closes the endpoint; before the transport is destroyed. NULL is fine. */
STOQ_API void stoq_metrics_endpoint_close(struct stoq_metrics_endpoint *endpoint);

#ifdef __cplusplus
}
#endif
