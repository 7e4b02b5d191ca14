/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What is missing for lack of rights. */
#include "probe/probe.h"

/* No, for lack of these capabilities (bits by their numbers); what: they are for. */
void stoq_probe_lacks(
	struct stoq_probe *probe, const char *name, uint64_t wanted, const char *what);

/* Unknown, for the kernel refused the try with EPERM or EACCES, and it needs these. */
void stoq_probe_forbidden(struct stoq_probe *probe, const char *name, uint64_t wanted);
