/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* From the kernel's maps to the model: one reading, one interval. */
#include "watch/watch_private.h"

/* Allocates what update needs. 0, -ENOMEM, or why the program's tables cannot be read. */
int stoq_update_init(struct stoq_watch *watch);
void stoq_update_free(struct stoq_watch *watch);

/* Reads the maps, ends the interval, fills watch->model. */
int stoq_update_read(struct stoq_watch *watch, struct stoq_error *error);

/* The tables of another program: what it had counted before counts as nothing. */
int stoq_update_base(struct stoq_watch *watch, struct stoq_error *error);
