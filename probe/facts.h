/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Facts, each with its answer: value, or reason and remedy. */
#include "probe/probe.h"

/* From now on facts are about this; subject NULL: none. */
void stoq_probe_topic(struct stoq_probe *probe, const char *topic, const char *subject);

/* Adds a fact. The format makes value or, where the answer is not yes, the reason. */
void stoq_probe_yes(struct stoq_probe *probe, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void stoq_probe_no(struct stoq_probe *probe, const char *name, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

void stoq_probe_unknown(struct stoq_probe *probe, const char *name, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
