// SPDX-License-Identifier: BSD-2-Clause
#include "transport/shared_id.h"

#define PER_ROUND 2  /* challenges; NGTCP2_PV_NUM_PROBES_PER_ROUND */
#define ROUND_MAX 10 /* more would be longer than any idle timeout */
#define TIMEOUT_MIN_NS                                                                             \
	1000000000ull /* three times the initial round trip, 333 ms (RFC 9002, 6.2.2) */
/* Path responses go before challenges, and as many may wait. */
#define RESPONSES_MAX 4

void stoq_shared_id_begin(struct stoq_shared_id *id)
{
	*id = (struct stoq_shared_id){.shared = true, .challenge_due = true};
}

void stoq_shared_id_validated(struct stoq_shared_id *id)
{
	if (!id->shared)
		return;
	stoq_shared_id_begin(id);
	id->answered = true;
}

void stoq_shared_id_failed(struct stoq_shared_id *id)
{
	if (!id->answered)
		id->shared = false;
}

void stoq_shared_id_challenge(struct stoq_shared_id *id, uint64_t now_ns, uint64_t timeout_ns)
{
	unsigned int round = id->challenges / PER_ROUND;

	if (!id->shared)
		return;
	if (timeout_ns < TIMEOUT_MIN_NS)
		timeout_ns = TIMEOUT_MIN_NS;
	id->over_ns = now_ns + (2 * timeout_ns << (round < ROUND_MAX ? round : ROUND_MAX));
	id->challenge_due = false;
	id->challenges++;
	id->written = 0;
}

void stoq_shared_id_written(struct stoq_shared_id *id, uint64_t now_ns)
{
	if (!id->shared || id->challenge_due || now_ns < id->over_ns)
		return;
	if (++id->written > RESPONSES_MAX)
		id->shared = false;
}
