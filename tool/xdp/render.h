/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* How `stoq xdp status` shows an XDP filter: as text, and as JSON (doc/ebpf.md has the schema). */
#include <json-c/json.h>
#include <stdio.h>

#include "xdp/status.h"

struct tool_xdp_view {
	const char *interface;
	const struct stoq_xdp_maps *maps;
	const struct stoq_xdp_status *now;
	const struct stoq_xdp_status *before; /* NULL: no rates */
};

void tool_xdp_print(FILE *to, const struct tool_xdp_view *view);
struct json_object *tool_xdp_json(const struct tool_xdp_view *view);
