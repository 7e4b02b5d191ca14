/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* A NQN is a host's bytes: a log, JSON and labels of metrics get what is printable ASCII of it, the rest as '?'. Pure. */
#include "nvme/nvme.h"

/* nqn: ends with a NUL, or has NVME_NQN_LENGTH bytes. Returns out. */
const char *stoq_nqn_text(char out[static NVME_NQN_LENGTH], const char *nqn);
