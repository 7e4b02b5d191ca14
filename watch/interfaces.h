/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The interfaces that are watched. */
#include "watch/watch_private.h"

/* Finds out which of them are still there, and their names now. */
void stoq_interfaces_look(struct stoq_watch *watch);
