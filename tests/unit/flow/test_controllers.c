// SPDX-License-Identifier: BSD-2-Clause
/* Whose a connection is, by what the kernel's host and target say: in folders like theirs. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/stream/flow_key_shared.h"
#include "bpf/stream/stream_shared.h"
#include "flow/controllers.h"
#include "flow/vlans.h"

static const uint16_t numbers[] = {4420, 8009, 0};
static const struct stoq_flow_ports ports = {numbers, 3};

struct trial {
	char folder[64];
	struct stoq_flow_controllers controllers;
	struct stoq_flow_sockets sockets;
	struct stoq_flow_identities identities;
};

static int setup(void **context)
{
	static struct trial trial;

	trial = (struct trial){0};
	snprintf(trial.folder, sizeof(trial.folder), "/tmp/stoq-controllers.XXXXXX");
	*context = &trial;
	return mkdtemp(trial.folder) ? 0 : -1;
}

static int teardown(void **context)
{
	struct trial *trial = *context;
	char command[128];

	stoq_flow_controllers_free(&trial->controllers);
	stoq_flow_sockets_free(&trial->sockets);
	stoq_flow_identities_free(&trial->identities);
	snprintf(command, sizeof(command), "rm -r '%s'", trial->folder);
	return system(command); /* NOLINT(cert-env33-c): a path of our own making */
}

static void make_folder(const struct trial *trial, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", trial->folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void write_file(
	const struct trial *trial, const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", trial->folder, folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", text);
	fclose(file);
}

static void make_controller(const struct trial *trial, const char *name, const char *address,
	const char *host, const char *subsystem)
{
	make_folder(trial, name);
	write_file(trial, name, "transport", "tcp");
	write_file(trial, name, "address", address);
	write_file(trial, name, "hostnqn", host);
	write_file(trial, name, "subsysnqn", subsystem);
}

static void add_socket(struct trial *trial, const char *local, const char *local_port,
	const char *remote, const char *remote_port)
{
	struct stoq_flow_sockets *sockets = &trial->sockets;
	struct stoq_flow_socket *socket;

	sockets->items = realloc(sockets->items, (sockets->count + 1) * sizeof(*sockets->items));
	assert_non_null(sockets->items);
	socket = &sockets->items[sockets->count++];
	*socket = (struct stoq_flow_socket){0};
	assert_int_equal(stoq_flow_end_parse(&socket->local, local, local_port), 0);
	assert_int_equal(stoq_flow_end_parse(&socket->remote, remote, remote_port), 0);
}

static void identify(struct trial *trial)
{
	assert_int_equal(stoq_flow_controllers_identify(
				 &trial->controllers, &trial->sockets, &ports, &trial->identities),
		0);
}

static const struct stoq_flow_known *known(const struct trial *trial, size_t socket)
{
	const struct stoq_flow_socket *item = &trial->sockets.items[socket];

	const struct stoq_flow_known ends = {.host = item->remote, .controller = item->local};

	return stoq_flow_identities_find(&trial->identities, &ends);
}

static void test_host(void **context)
{
	struct trial *trial = *context;

	make_controller(trial, "nvme0", "traddr=192.0.2.1,trsvcid=4420,src_addr=192.0.2.9", "host",
		"subsystem");
	make_controller(trial, "nvme1", "traddr=2001:db8::1,trsvcid=1000", "other", "second");
	make_folder(trial, "nvme2"); /* a controller that is going away */
	add_socket(trial, "192.0.2.9", "50000", "192.0.2.1", "4420");
	add_socket(trial, "192.0.2.8", "50001", "192.0.2.1", "4420"); /* another source */
	add_socket(trial, "192.0.2.9", "50002", "192.0.2.1", "4421"); /* another port */
	add_socket(trial, "2001:db8::9", "50003", "2001:db8::1", "1000");
	assert_int_equal(stoq_flow_controllers_of_host(&trial->controllers, trial->folder), 0);
	assert_int_equal(trial->controllers.count, 2);
	identify(trial);
	assert_int_equal(trial->identities.count, 2);
	assert_non_null(known(trial, 0));
	assert_string_equal(known(trial, 0)->host_nqn, "host");
	assert_string_equal(known(trial, 0)->subsystem_nqn, "subsystem");
	assert_int_equal(known(trial, 0)->host.port, 50000);
	assert_int_equal(known(trial, 0)->qid, STOQ_FLOW_QID_UNKNOWN);
	assert_non_null(known(trial, 3));
	assert_string_equal(known(trial, 3)->host_nqn, "other");
}

/* Two controllers of one address: the same names are taken, different ones are not. */
static void test_ambiguous(void **context)
{
	struct trial *trial = *context;

	make_controller(trial, "nvme0", "traddr=192.0.2.1,trsvcid=4420", "host", "one");
	make_controller(trial, "nvme1", "traddr=192.0.2.1,trsvcid=4420", "host", "two");
	make_controller(trial, "nvme2", "traddr=192.0.2.2,trsvcid=4420", "host", "one");
	make_controller(trial, "nvme3", "traddr=192.0.2.2,trsvcid=4420", "host", "one");
	add_socket(trial, "192.0.2.9", "50000", "192.0.2.1", "4420");
	add_socket(trial, "192.0.2.9", "50001", "192.0.2.2", "4420");
	assert_int_equal(stoq_flow_controllers_of_host(&trial->controllers, trial->folder), 0);
	identify(trial);
	assert_null(known(trial, 0));
	assert_non_null(known(trial, 1));
}

static void test_not_usable(void **context)
{
	struct trial *trial = *context;
	char nqn[400];

	memset(nqn, 'n', sizeof(nqn) - 1);
	nqn[sizeof(nqn) - 1] = '\0';
	make_controller(trial, "nvme0", "traddr=192.0.2.1,trsvcid=4420", nqn, "one");
	make_controller(trial, "nvme1", "traddr=192.0.2.1,trsvcid=4420", "", "one");
	make_controller(trial, "nvme2", "xtraddr=192.0.2.1,trsvcid=4420", "host", "one");
	make_controller(trial, "nvme3", "traddr=storage.example,trsvcid=4420", "host", "one");
	make_controller(trial, "nvme4", "traddr=192.0.2.1,trsvcid=66000", "host", "one");
	make_controller(trial, "nvme5", "traddr=192.0.2.1,trsvcid=4420", "host", "one");
	write_file(trial, "nvme5", "transport", "rdma");
	assert_int_equal(stoq_flow_controllers_of_host(&trial->controllers, trial->folder), 0);
	assert_int_equal(stoq_flow_controllers_of_host(&trial->controllers, "/does/not/exist"), 0);
	assert_int_equal(trial->controllers.count, 0);
}

static void test_target(void **context)
{
	struct trial *trial = *context;

	make_folder(trial, "nqn.a");
	make_folder(trial, "nqn.a/ctrl1");
	write_file(trial, "nqn.a/ctrl1", "hostnqn", "host");
	write_file(trial, "nqn.a/ctrl1", "host_traddr", "192.0.2.9");
	make_folder(trial, "nqn.a/ctrl2");
	write_file(trial, "nqn.a/ctrl2", "hostnqn", "older kernels do not tell an address");
	add_socket(trial, "192.0.2.1", "4420", "192.0.2.9", "50000");
	add_socket(trial, "192.0.2.1", "22", "192.0.2.9", "50001");
	assert_int_equal(stoq_flow_controllers_of_target(&trial->controllers, trial->folder), 0);
	identify(trial);
	assert_int_equal(trial->identities.count, 1);
	assert_non_null(known(trial, 0));
	assert_string_equal(known(trial, 0)->subsystem_nqn, "nqn.a");
	assert_int_equal(known(trial, 0)->host.port, 50000);
	assert_int_equal(known(trial, 0)->controller.port, 4420);
}

/* A connection behind a VLAN tag is known with it and without: it depends on the interface. */
static void test_tagged(void **context)
{
	struct stoq_flow_vlan item = {.id = 5, .below = "eth0"};
	const struct stoq_flow_vlans vlans = {.items = &item, .count = 1};
	struct stoq_flow_known one = {.host_nqn = "nqn.one"}, other = {.host_nqn = "nqn.other"};
	struct stoq_flow_identities identities = {0};
	const struct stoq_flow_known *found;
	struct stoq_flow_key key;
	uint8_t host_is_a;

	(void)context;
	assert_int_equal(stoq_flow_end_parse(&one.host, "192.0.2.9", "50000"), 0);
	assert_int_equal(stoq_flow_end_parse(&one.controller, "192.0.2.1", "4420"), 0);
	assert_int_equal(stoq_flow_end_parse(&other.host, "198.51.100.9", "50000"), 0);
	assert_int_equal(stoq_flow_end_parse(&other.controller, "198.51.100.1", "4420"), 0);
	assert_int_equal(stoq_flow_end_parse(&item.address, "192.0.2.1", "0"), 0);
	assert_int_equal(stoq_flow_identities_add(&identities, &one), 0);
	assert_int_equal(stoq_flow_identities_add(&identities, &other), 0);
	assert_int_equal(stoq_flow_vlans_identify(&vlans, &identities), 0);
	assert_int_equal(stoq_flow_vlans_identify(&vlans, &identities), 0);
	assert_int_equal(identities.count, 3);
	one.vlan_id = 5;
	found = stoq_flow_identities_find(&identities, &one);
	assert_non_null(found);
	assert_string_equal(found->host_nqn, "nqn.one");
	stoq_flow_identity_key(&key, &host_is_a, found);
	assert_int_equal(key.vlan_id, 5);
	other.vlan_id = 5;
	assert_null(stoq_flow_identities_find(&identities, &other));
	stoq_flow_identities_free(&identities);
}

/* Both directions of a connection have one key, and it says which end the host is. */
static void test_key(void **context)
{
	struct stoq_flow_known forth = {0}, back;
	struct stoq_flow_key key, other;
	uint8_t host_is_a, other_is_a;

	(void)context;
	assert_int_equal(stoq_flow_end_parse(&forth.host, "192.0.2.9", "50000"), 0);
	assert_int_equal(stoq_flow_end_parse(&forth.controller, "192.0.2.1", "4420"), 0);
	back = (struct stoq_flow_known){.host = forth.controller, .controller = forth.host};
	stoq_flow_identity_key(&key, &host_is_a, &forth);
	stoq_flow_identity_key(&other, &other_is_a, &back);
	assert_memory_equal(&key, &other, sizeof(key));
	assert_int_equal(host_is_a, !other_is_a);
	assert_memory_equal(host_is_a ? key.address_a : key.address_b, forth.host.address, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ambiguous, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_usable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_target, setup, teardown),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
