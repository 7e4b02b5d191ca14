/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Marks what the library exports. */
#define STOQ_API __attribute__((visibility("default")))

/*
 * Functions that can fail return 0 or a negative errno. Those that take a struct stoq_error also
 * leave a message for the user there: what failed, on what, why, and what to do next.
 */
struct stoq_error {
	int code;	/* negative errno, 0: no error */
	char text[768]; /* one or more sentences, no newline at the end */
};
