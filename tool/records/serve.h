/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One end of a live join: the program that serves a record. */

/* Sends the record of a watch, which comes in messages, to clients. Ends when the watch does. */
int records_serve(int argc, char **argv);
