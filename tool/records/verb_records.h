/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* See options.h. The record comes and goes by descriptor RECORDS_FD. */
#define RECORDS_FD 3

/* Sends the record of a watch, which comes in messages, to clients. Ends when the watch does. */
int records_serve(int argc, char **argv);

/* Connects to another node and hands its record on as bytes. Ends with the connection, or with the reader. */
int records_fetch(int argc, char **argv);

int verb_records(int argc, char **argv);
