/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The other end of a live join: the program that fetches a record. */

/* Connects to another node and hands its record on as bytes. Ends with the connection, or with the reader. */
int records_fetch(int argc, char **argv);
