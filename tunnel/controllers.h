/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Target end: the controllers that hosts have made through the tunnel. The Connect of an I/O queue names a controller (CNTLID) and a
 * host. nvmet compares that host with the one that made the controller (nvmet_ctrl_find_get()); SPDK does not (lib/nvmf/ctrlr.c,
 * nvmf_ctrlr_add_io_qpair()), so a host could have a queue of another host's controller.
 *
 * For all workers; each function takes the lock.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct stoq_controller;

struct stoq_controllers {
	pthread_mutex_t lock;
	struct stoq_controller *first;
};

/* Which controller of which target it is, and whose. Texts end with NUL. */
struct stoq_controller_key {
	const char *target, *subsystem_nqn, *host_nqn;
	uint16_t cntlid;
};

void stoq_controllers_init(struct stoq_controllers *controllers);
/* All have been removed. */
void stoq_controllers_destroy(struct stoq_controllers *controllers);

/* Its admin queue is connected. NULL: no memory; its host gets no I/O queues. */
struct stoq_controller *stoq_controller_add(
	struct stoq_controllers *controllers, const struct stoq_controller_key *key);
/* Its admin queue is over. NULL is fine. */
void stoq_controller_remove(
	struct stoq_controllers *controllers, struct stoq_controller *controller);

/* This host has made such a controller, and its admin queue is there. */
bool stoq_controller_is_there(
	struct stoq_controllers *controllers, const struct stoq_controller_key *key);
