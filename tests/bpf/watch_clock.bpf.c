// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

/* The tc program that counts stages, with a clock that the test sets. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* In a map of its own, so that the other ones are as in the product. */
volatile __u64 stoq_test_now_ns SEC(".data.clock");

#define bpf_ktime_get_ns() (stoq_test_now_ns)
#define STOQ_STAGED	   1
#include "bpf/stream/stoq_watch.bpf.c"
