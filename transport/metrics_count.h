/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What a worker counts beside its own work. */
#include <stddef.h>

struct stoq_worker;

/* Into which of packet_sizes a packet counts. */
unsigned int stoq_packet_size_class(size_t size);
/* What the datapath dropped; looked at now and then. */
void stoq_worker_note_datapath(struct stoq_worker *worker);
/* What the calling thread, this worker's, has cost. */
void stoq_worker_note_usage(struct stoq_worker *worker);
