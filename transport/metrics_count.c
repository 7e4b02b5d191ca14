// SPDX-License-Identifier: BSD-2-Clause
#include "transport/metrics_count.h"

/* What a worker counts beside its own work: sizes, the datapath's drops, its thread's cost. */
#include <sched.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "transport/counter.h"
#include "transport/metrics_figures.h"
#include "transport/worker.h"

#define DATAPATH_LOOK_NS 100000000ull

unsigned int stoq_packet_size_class(size_t size)
{
	unsigned int found = 0;

	while (found < STOQ_SIZE_CLASSES - 1 && size > stoq_packet_size_bounds[found])
		found++;
	return found;
}

void stoq_worker_note_datapath(struct stoq_worker *worker)
{
	struct stoq_worker_metrics *metrics = &worker->metrics;
	struct stoq_datapath_counters counters;

	if (metrics->datapath_looked_ns &&
		worker->now_ns - metrics->datapath_looked_ns < DATAPATH_LOOK_NS)
		return;
	metrics->datapath_looked_ns = worker->now_ns;
	stoq_datapath_counters(worker->datapath, &counters);
	__atomic_store_n(
		&metrics->datapath_dropped_sending, counters.dropped_sending, __ATOMIC_RELAXED);
	__atomic_store_n(
		&metrics->datapath_dropped_receiving, counters.dropped_receiving, __ATOMIC_RELAXED);
}

void stoq_worker_note_usage(struct stoq_worker *worker)
{
	struct stoq_worker_metrics *metrics = &worker->metrics;
	struct rusage usage;
	uint64_t cpu_ns;
	int core = sched_getcpu();

	getrusage(RUSAGE_THREAD, &usage);
	cpu_ns = stoq_clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
	if (core >= STOQ_CORES_MAX)
		core = STOQ_CORES_MAX - 1;
	if (core >= 0)
		stoq_counter_add(&metrics->core_cpu_ns[core], cpu_ns - metrics->cpu_ns);
	__atomic_store_n(&metrics->cpu_ns, cpu_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&metrics->voluntary_switches, usage.ru_nvcsw, __ATOMIC_RELAXED);
	__atomic_store_n(&metrics->involuntary_switches, usage.ru_nivcsw, __ATOMIC_RELAXED);
}
