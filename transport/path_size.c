// SPDX-License-Identifier: BSD-2-Clause
#include "transport/path_size.h"

#define PROBE_LOSSES	 3		 /* of the same size: it does not pass */
#define PRECISION_BYTES	 16		 /* a search ends when it knows it that well */
#define PROBE_TIMEOUT_NS 1000000000ull	 /* no news by then: lost */
#define SEARCH_AGAIN_NS	 600000000000ull /* RFC 8899's PMTU_RAISE_TIMER */

void stoq_path_size_init(struct stoq_path_size *path, uint32_t limit, bool enabled)
{
	if (limit < STOQ_PATH_SIZE_BASE)
		limit = STOQ_PATH_SIZE_BASE;
	*path = (struct stoq_path_size){
		.current = enabled ? STOQ_PATH_SIZE_BASE : limit,
		.limit = limit,
		.failed = limit + 1,
		.enabled = enabled,
	};
}

/* The largest first: it is most often right. Then what common links take, then by halving. */
static uint32_t candidate(const struct stoq_path_size *path)
{
	static const uint32_t common[] = {8952, 8932, 1472, 1452};

	if (path->failed > path->limit)
		return path->limit;
	for (unsigned int i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (common[i] > path->current && common[i] < path->failed)
			return common[i];
	return path->current + (path->failed - path->current) / 2;
}

uint32_t stoq_path_size_probe(struct stoq_path_size *path, uint64_t now_ns)
{
	if (path->probing && now_ns - path->sent_ns >= PROBE_TIMEOUT_NS)
		stoq_path_size_lost(path, path->probing);
	if (!path->enabled || path->probing)
		return 0;
	if (path->again_ns) {
		if (now_ns < path->again_ns)
			return 0;
		path->again_ns = 0;
		path->failed = path->limit + 1;
		path->losses = 0;
	}
	if (path->current >= path->limit)
		return 0;
	if (path->failed - path->current <= PRECISION_BYTES) {
		path->again_ns = now_ns + SEARCH_AGAIN_NS;
		return 0;
	}
	return candidate(path);
}

void stoq_path_size_sent(struct stoq_path_size *path, uint32_t size, uint64_t now_ns)
{
	path->probing = size;
	path->sent_ns = now_ns;
}

void stoq_path_size_acknowledged(struct stoq_path_size *path, uint32_t size)
{
	/* One from before the path became smaller proves nothing any more. */
	if (size != path->probing)
		return;
	if (size > path->current)
		path->current = size;
	path->probing = 0;
	path->losses = 0;
}

void stoq_path_size_lost(struct stoq_path_size *path, uint32_t size)
{
	if (size != path->probing)
		return;
	if (++path->losses >= PROBE_LOSSES) {
		path->failed = size;
		path->losses = 0;
	}
	path->probing = 0;
}

void stoq_path_size_black_hole(struct stoq_path_size *path)
{
	if (!path->enabled || path->current <= STOQ_PATH_SIZE_BASE)
		return;
	/* It may have been the peer that was silent: every size gets another chance. */
	path->failed = path->limit + 1;
	path->current = STOQ_PATH_SIZE_BASE;
	path->probing = 0;
	path->losses = 0;
	path->again_ns = 0;
}
