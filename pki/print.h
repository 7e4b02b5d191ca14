/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What there is, for people. */
#include <stdio.h>

#include "pki/records.h"
#include "pki/store.h"

/* A certificate and how it stands. */
struct stoq_pki_view {
	const struct stoq_pki_description *description;
	enum stoq_pki_state state;
	time_t now;
};

void stoq_pki_print_certificate(FILE *out, const struct stoq_pki_view *view);

/* A line for each. */
void stoq_pki_print_records(FILE *out, const struct stoq_pki_records *records, time_t now);
