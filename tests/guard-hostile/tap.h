/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* One end of a veth, where frames are sent and received as they are: AF_PACKET. */
#include "base/error.h"
#include "tests/guard-hostile/packet.h"

struct tap {
	int fd;
	struct packet form; /* addresses of both ends, MACs, window: what packets begin as */
};

/* fd -1 after a failure. The addresses of form are the caller's to set. */
int tap_open(struct tap *tap, const char *interface, struct stoq_error *error);
void tap_close(struct tap *tap);

/* Failures end the program: nothing can be said about a guard then. */
void tap_send_frame(const struct tap *tap, const uint8_t *frame, size_t length);
void tap_send(const struct tap *tap, const struct packet *packet);

/*
 * The next TCP segment, or false after so many milliseconds without one. The payload lies in a
 * buffer of the tap's and stays until the next call.
 */
bool tap_receive(const struct tap *tap, struct packet *packet, int timeout_ms);
