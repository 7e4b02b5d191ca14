/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What there is, for programs: a JSON object in a line. */
#include <stdio.h>
#include <time.h>

struct stoq_pki_records;
struct stoq_pki_view;

void stoq_pki_print_certificate_json(FILE *out, const struct stoq_pki_view *view);

void stoq_pki_print_records_json(FILE *out, const struct stoq_pki_records *records, time_t now);
