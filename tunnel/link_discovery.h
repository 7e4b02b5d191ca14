/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Host end: the discovery log as the host can use it. */
#include <stddef.h>
#include <stdint.h>

struct stoq_tunnel_link;

/* The listener's targets; a part of a discovery log, to be changed. */
void stoq_link_note_targets(struct stoq_tunnel_link *link, const char *text, size_t size);

void stoq_link_rewrite(struct stoq_tunnel_link *link, uint64_t at, uint8_t *data, size_t size);
