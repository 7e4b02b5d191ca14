/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Asks all workers of a tunnel about what is theirs: each answers in its own thread, the asker's waits for two seconds at
 * most. From a thread that is no worker's.
 */
#include "tunnel/tunnel_private.h"

struct stoq_inquiry_kind {
	/* In the worker's thread; one worker at a time. */
	void (*describe)(const struct stoq_tunnel_worker *worker, void *subject);
	void (*free)(void *subject); /* after the last of asker and workers */
};

struct stoq_inquiry;

/*
 * Returns when the workers have answered, or the time is over: *complete. No worker touches the subject until
 * stoq_inquiry_end(). NULL: no memory; the subject is the caller's then.
 */
struct stoq_inquiry *stoq_inquire(struct stoq_tunnel *tunnel, const struct stoq_inquiry_kind *kind,
	void *subject, bool *complete);
void stoq_inquiry_end(struct stoq_inquiry *inquiry);
