/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* See options.h. The record comes and goes by descriptor RECORDS_FD. */
#define RECORDS_FD 3

int verb_records(int argc, char **argv);
