// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/nqn_text.h"

const char *stoq_nqn_text(char out[static NVME_NQN_LENGTH], const char *nqn)
{
	int i;

	for (i = 0; i < NVME_NQN_LENGTH - 1 && nqn[i]; i++)
		out[i] = nqn[i] > ' ' && nqn[i] < 0x7f ? nqn[i] : '?';
	out[i] = '\0';
	return out;
}
