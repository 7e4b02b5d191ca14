/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Does something speak NVMe/TCP at an address? */
#include <stdint.h>

#include "base/error.h"

/*
 * Connects, sends ICReq and checks the ICResp. 0: a controller answered. -ECONNREFUSED,
 * -ETIMEDOUT, -EPROTO: what answered is not NVMe/TCP; other negative errno.
 */
int stoq_target_greet(
	const char *address, uint16_t port, unsigned int timeout_ms, struct stoq_error *error);

/* 0: the port is free to listen on; -EADDRINUSE, -EADDRNOTAVAIL and so on. */
int stoq_target_check_port(const char *address, uint16_t port, struct stoq_error *error);
