/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Host end: the sockets that hosts connect to. */
#include "tunnel/tunnel_private.h"

struct stoq_door {
	struct stoq_tunnel_watch watch;
	struct stoq_tunnel_worker *worker; /* 0: it accepts for all */
	unsigned int index;		   /* in the configuration */
	struct stoq_alarm *again;	   /* it is not watched until then */
};

/* Opens all; *doors: to be closed by stoq_doors_close(). */
int stoq_doors_open(struct stoq_tunnel_worker *worker, struct stoq_error *error);
void stoq_doors_close(struct stoq_tunnel_worker *worker);
