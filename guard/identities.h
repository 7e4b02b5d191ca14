/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Whose connections are that are older than the guard, in the form that its program looks up. */
#include "bpf/guard/state_shared.h"
#include "flow/identities.h"

/* Writes them into the program's map. Number that found room, or a negative errno. */
int stoq_guard_identities_store(const struct stoq_flow_identities *identities, int map_fd);
