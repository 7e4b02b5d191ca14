/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A process that calls exit() without destroying its transports sends their peers CONNECTION_CLOSE all the
 * same. No callback is called: whatever they use may be gone by then.
 */
struct stoq_transport;

/* From when its workers are there until it is destroyed. */
void stoq_farewell_register(struct stoq_transport *transport);
/* Fine for one that was not registered. */
void stoq_farewell_forget(struct stoq_transport *transport);
