/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How long a thread looks for work before it sleeps: as long as work lately came soon, up to a limit. To sleep and to
 * be woken costs more than a short wait, in time and in CPU time, above all in a virtual machine, where an idle CPU
 * is given back to the hypervisor. KVM sizes the window of its own polling likewise (halt_poll_ns,
 * Documentation/virt/kvm/halt-polling.rst).
 */
#include <stdint.h>

struct stoq_poll_window {
	uint64_t limit_ns;  /* most that it may be; 0: never look */
	uint64_t window_ns; /* what it is */
};

/* Work came, or a timer ran out, after this time of looking and sleeping. */
void stoq_poll_window_note(struct stoq_poll_window *window, uint64_t waited_ns);
