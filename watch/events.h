/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Hands the program's events on. */
#include <stddef.h>

/* context: the watch. 0, or -EAGAIN: enough for now. */
int stoq_watch_on_event(void *context, void *data, size_t size);
