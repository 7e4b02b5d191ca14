/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The configuration that the kernel was built with. */
#include "probe/probe.h"

#define STOQ_PROBE_ORIGIN_BYTES 128

enum stoq_probe_option {
	STOQ_PROBE_OPTION_UNKNOWN = 0, /* no configuration can be read */
	STOQ_PROBE_OPTION_OFF,
	STOQ_PROBE_OPTION_MODULE,
	STOQ_PROBE_OPTION_ON,
};

/* What became of an option ("CONFIG_X"), and which file has that. */
enum stoq_probe_option stoq_probe_kernel_option(const struct stoq_probe *probe, const char *release,
	const char *option, char origin[static STOQ_PROBE_ORIGIN_BYTES]);
