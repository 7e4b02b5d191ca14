// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel's NVMe host and target tell in their files, which is what the other end has told
 * them: names that end, for connections that exist. Each piece of the input is a file.
 */
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "flow/controllers.h"
#include "pieces.h"
#include "require.h"

static const char *const files[] = {
	"host/nvme0/transport",
	"host/nvme0/address",
	"host/nvme0/hostnqn",
	"host/nvme0/subsysnqn",
	"target/nqn.2014-08.org.nvmexpress:a/ctrl1/host_traddr",
	"target/nqn.2014-08.org.nvmexpress:a/ctrl1/hostnqn",
};

#define FILES (sizeof(files) / sizeof(files[0]))

static const uint16_t numbers[] = {4420};
static const struct stoq_flow_ports ports = {numbers, 1};

static void make_folders(void)
{
	static const char *const folders[] = {"host", "host/nvme0", "target",
		"target/nqn.2014-08.org.nvmexpress:a", "target/nqn.2014-08.org.nvmexpress:a/ctrl1"};
	static bool made;

	for (size_t i = 0; !made && i < sizeof(folders) / sizeof(folders[0]); i++)
		file_folder(folders[i]);
	made = true;
}

/* Files of which the input says nothing are as they should be. */
static void write_files(const uint8_t *data, size_t size)
{
	static const char *const usual[FILES] = {"tcp\n", "traddr=192.0.2.1,trsvcid=4420\n",
		"nqn.2014-08.org.nvmexpress:h\n", "nqn.2014-08.org.nvmexpress:s\n", "192.0.2.2\n",
		"nqn.2014-08.org.nvmexpress:h\n"};
	struct pieces input = {data, data + size};
	struct piece piece;

	for (size_t i = 0; i < FILES; i++)
		file_write(files[i], (const uint8_t *)usual[i], strlen(usual[i]));
	while (next_piece(&input, 4096, &piece))
		file_write(files[piece.kind % FILES], piece.bytes, piece.size);
}

static void check_name(const char name[static NVME_NQN_LENGTH])
{
	const size_t length = strnlen(name, NVME_NQN_LENGTH);

	require(length && length <= NVME_NQN_MAX);
	/* Behind it there is nothing: the program compares whole keys. */
	for (size_t i = length; i < NVME_NQN_LENGTH; i++)
		require(!name[i]);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct stoq_flow_controllers controllers = {0};
	struct stoq_flow_identities identities = {0};
	struct stoq_flow_socket connections[2] = {0};
	const struct stoq_flow_sockets sockets = {connections, 2, 2};

	require(!stoq_flow_end_parse(&connections[0].local, "192.0.2.9", "50000"));
	require(!stoq_flow_end_parse(&connections[0].remote, "192.0.2.1", "4420"));
	require(!stoq_flow_end_parse(&connections[1].local, "192.0.2.9", "4420"));
	require(!stoq_flow_end_parse(&connections[1].remote, "192.0.2.2", "50001"));
	make_folders();
	write_files(data, size);
	require(!stoq_flow_controllers_of_host(&controllers, file_path("host")));
	require(!stoq_flow_controllers_of_target(&controllers, file_path("target")));
	require(controllers.count <= 2);
	require(!stoq_flow_controllers_identify(&controllers, &sockets, &ports, &identities));
	require(identities.count <= 2);
	for (size_t i = 0; i < identities.count; i++) {
		check_name(identities.items[i].host_nqn);
		check_name(identities.items[i].subsystem_nqn);
		require(identities.items[i].controller.port == 4420);
	}
	stoq_flow_controllers_free(&controllers);
	stoq_flow_identities_free(&identities);
	return 0;
}
