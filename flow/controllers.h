/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Who is connected, as this machine's kernel tells it by NQN and address: the controllers that its
 * NVMe/TCP host has (sysfs), and those that its target has made for hosts (debugfs). Neither tells
 * which connection is which queue, nor the port of the host's end; so an answer is taken only where
 * it can be no other.
 */
#include "flow/identities.h"
#include "flow/sockets.h"

#define STOQ_FLOW_SYSFS	  "/sys/class/nvme"
#define STOQ_FLOW_DEBUGFS "/sys/kernel/debug/nvmet"

/* One controller. A port of 0: any. Of a host of ours, remote is the controller's end. */
struct stoq_flow_controller {
	struct stoq_flow_end remote;
	struct stoq_flow_end local; /* if local_known */
	bool local_known;
	bool is_target; /* remote is the host's end */
	char host_nqn[NVME_NQN_LENGTH];
	char subsystem_nqn[NVME_NQN_LENGTH];
};

struct stoq_flow_controllers {
	struct stoq_flow_controller *items;
	size_t count;
	size_t capacity;
};

/* Add what is found below these folders; one that is missing has none. 0 or -ENOMEM. */
int stoq_flow_controllers_of_host(struct stoq_flow_controllers *controllers, const char *sysfs);
int stoq_flow_controllers_of_target(struct stoq_flow_controllers *controllers, const char *debugfs);
void stoq_flow_controllers_free(struct stoq_flow_controllers *controllers);

/* The ports that targets are expected at. */
struct stoq_flow_ports {
	const uint16_t *items; /* 0: of no meaning */
	size_t count;	       /* 0: at any */
};

bool stoq_flow_is_port(const struct stoq_flow_ports *ports, uint16_t port);

/*
 * Adds the identity of each socket that belongs to controllers which agree about its host and
 * subsystem. 0 or -ENOMEM.
 */
int stoq_flow_controllers_identify(const struct stoq_flow_controllers *controllers,
	const struct stoq_flow_sockets *sockets, const struct stoq_flow_ports *ports,
	struct stoq_flow_identities *identities);
