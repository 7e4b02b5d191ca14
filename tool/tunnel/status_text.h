/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a tunnel does, as text, from two of its reports (stoq_tunnel_status()): rates and times are those between them. */
struct json_object;

/* rows: at most so many lines, the busiest queues first; 0: all. */
void tunnel_status_print(struct json_object *before, struct json_object *report, unsigned int rows);
