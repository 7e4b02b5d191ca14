/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where an endpoint listens, and by which web configuration. */
#include <netinet/in.h>

#include "base/endpoint.h"
#include "base/error.h"

#define STOQ_METRICS_URL 80

struct stoq_metrics_place {
	uint8_t address[STOQ_ENDPOINT_BYTES];
	uint16_t port;		/* 0: the kernel chooses */
	const char *web_config; /* a file, see web_config.h; NULL: none: only on loopback */
};

/* 127.0.0.1 and this port. */
struct stoq_metrics_place stoq_metrics_place_default(uint16_t port);

/* "9420", "192.0.2.1:9420", "[2001:db8::1]:9420", "localhost:9420". 0 or -EINVAL. */
int stoq_metrics_place_parse(
	struct stoq_metrics_place *place, const char *text, struct stoq_error *error);

/* -EPERM: it is reached from other machines, and there is no web configuration. */
int stoq_metrics_place_check(const struct stoq_metrics_place *place, struct stoq_error *error);

/* For bind(2). Returns its size. */
socklen_t stoq_metrics_place_address(
	const struct stoq_metrics_place *place, struct sockaddr_storage *address);
/* "https://192.0.2.1:9420/metrics". Returns text. */
const char *stoq_metrics_place_url(
	char text[static STOQ_METRICS_URL], const struct stoq_metrics_place *place, bool tls);
