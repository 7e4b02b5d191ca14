// SPDX-License-Identifier: BSD-2-Clause
#include "tool/elsewhere.h"

#include <stdlib.h>
#include <string.h>

#include "tool/message.h"
#include "tool/quic.h"

int verb_elsewhere(int argc, char **argv)
{
	char **arguments = calloc(argc + 2, sizeof(*arguments));
	char stoq[] = "stoq";
	int status;

	if (!arguments) {
		tool_notice("out of memory");
		return EXIT_FAILURE;
	}
	arguments[0] = stoq;
	/* argv[0] is "stoq NAME". */
	arguments[1] = argv[0] + strlen("stoq ");
	memcpy(arguments + 2, argv + 1, (argc - 1) * sizeof(*arguments));
	status = tool_quic_execute(arguments);
	free(arguments);
	return status;
}
