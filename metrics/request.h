/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What an endpoint answers: whether at all, and with which text. */
#include <microhttpd.h>

#include "metrics/endpoint.h"
#include "metrics/visits.h"
#include "metrics/web.h"

struct stoq_metrics_site {
	struct stoq_metrics_source source;
	struct stoq_web *web; /* NULL: none */
	struct stoq_visits visits;
	size_t sending_bytes; /* of answers that clients have not taken yet */
};

/* For MHD_start_daemon(), with a struct stoq_metrics_site. */
enum MHD_Result stoq_metrics_on_request(void *context, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **request);

/* For MHD_OPTION_NOTIFY_COMPLETED and MHD_OPTION_NOTIFY_CONNECTION, with the same. */
void stoq_metrics_on_completed(void *context, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why);

void stoq_metrics_on_connection(void *context, struct MHD_Connection *connection,
	void **socket_context, enum MHD_ConnectionNotificationCode what);
