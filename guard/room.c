// SPDX-License-Identifier: BSD-2-Clause
#include "guard/room.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM_PIN      "stoq_guard_room"
#define SHORT_PERCENT 80

int stoq_guard_room_read(const struct stoq_guard_pins *pins, struct stoq_guard_room *room)
{
	return stoq_guard_pins_read(pins, ROOM_PIN, room, sizeof(*room), NULL);
}

/* Through memory: the program counts in the words beside it meanwhile. */
static int set_limit(int fd, uint64_t limit)
{
	struct stoq_guard_room *room =
		mmap(NULL, sizeof(*room), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (room == MAP_FAILED)
		return -errno;
	__atomic_store_n(&room->limit, limit, __ATOMIC_RELAXED);
	munmap(room, sizeof(*room));
	return 0;
}

int stoq_guard_room_limit(
	const struct stoq_guard_pins *pins, uint64_t limit, struct stoq_error *error)
{
	int fd = stoq_guard_pins_open(pins, ROOM_PIN, true, error), result = fd;

	if (fd >= 0) {
		result = set_limit(fd, limit);
		close(fd);
	}
	if (result >= 0)
		return 0;
	return stoq_error_set(error, result, "cannot set how many connections guard %s follows: %s",
		pins->name, strerror(-result));
}

uint64_t stoq_guard_room_size(const struct stoq_guard_room *room)
{
	return room->limit ? room->limit : STOQ_GUARD_CONNECTIONS_DEFAULT;
}

bool stoq_guard_room_is_short(const struct stoq_guard_room *room)
{
	return room->used * 100 >= stoq_guard_room_size(room) * SHORT_PERCENT;
}
