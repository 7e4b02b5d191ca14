// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/path_watch.h"

#include <errno.h>
#include <string.h>

#include "tunnel/link.h"

/* Without a queue nobody waits for an answer. */
#define IDLE_LOOK_NS 1000000000ull

static unsigned int path_of(
	const struct stoq_tunnel_config *config, const struct sockaddr_storage *local)
{
	struct stoq_address address = {.length = 0};

	stoq_address_from(&address, (const struct sockaddr *)local, sizeof(*local));
	stoq_address_unmap(&address);
	for (unsigned int i = 0; i < config->local_count; i++)
		if (stoq_address_same_host(&address, &config->locals[i]))
			return i;
	return config->local_count;
}

static void tell_move(const struct stoq_carrier *carrier, const struct stoq_connection_info *info)
{
	struct stoq_address local = {.length = 0};
	char text[STOQ_ADDRESS_TEXT];

	stoq_address_from(&local, (const struct sockaddr *)&info->local, sizeof(info->local));
	stoq_address_unmap(&local);
	stoq_tunnel_log(carrier->worker->tunnel, STOQ_LOG_WARNING,
		"the connection to the tunnel's target end goes from %s now",
		stoq_address_host(text, &local));
}

static void go(const struct stoq_carrier *carrier, enum stoq_path_step step, unsigned int path)
{
	const struct stoq_address *local = &carrier->worker->tunnel->config.locals[path];
	char text[STOQ_ADDRESS_TEXT];
	int ret = step == STOQ_PATH_LEAVE
			  ? stoq_connection_move(carrier->connection, &local->sa, local->length)
			  : stoq_connection_migrate(carrier->connection, &local->sa, local->length);

	if (ret && ret != -EAGAIN && ret != -EALREADY)
		stoq_tunnel_log(carrier->worker->tunnel, STOQ_LOG_WARNING,
			"the connection cannot go from %s: %s", stoq_address_host(text, local),
			strerror(-ret));
}

static void look(void *argument);

static void look_later(struct stoq_path_watch *watch)
{
	const struct stoq_tunnel_worker *worker = watch->carrier->worker;
	uint64_t pause_ns = watch->carrier->links ? STOQ_PATH_LOOK_NS : IDLE_LOOK_NS;

	if (stoq_alarm_set(worker->tunnel->transport, worker->index, stoq_now_ns() + pause_ns, look,
		    watch, &watch->alarm))
		watch->alarm = NULL;
}

static void look(void *argument)
{
	struct stoq_path_watch *watch = argument;
	struct stoq_carrier *carrier = watch->carrier;
	const struct stoq_tunnel_config *config = &carrier->worker->tunnel->config;
	uint64_t moves = watch->choice.moves;
	struct stoq_connection_info info;
	struct stoq_path_view view;
	enum stoq_path_step step;
	unsigned int path;

	watch->alarm = NULL;
	stoq_connection_info(carrier->connection, &info);
	/* On a path that has not answered yet it is a guess of QUIC's, 333 ms (RFC 9002, 6.2.2). */
	if (info.min_rtt_ns)
		watch->round_trip_ns = info.smoothed_rtt_ns;
	view = (struct stoq_path_view){.now_ns = stoq_now_ns(),
		.current = path_of(config, &info.local),
		.answer_due = info.bytes_in_flight != 0,
		.heard_ns = info.heard_ns,
		.round_trip_ns = watch->round_trip_ns,
		.proven = info.min_rtt_ns != 0};
	step = stoq_path_choice_next(&watch->choice, &view, &path);
	carrier->migrations = watch->choice.moves;
	if (watch->choice.moves != moves)
		tell_move(carrier, &info);
	if (step != STOQ_PATH_STAY)
		go(carrier, step, path);
	look_later(watch);
}

void stoq_path_watch_begin(struct stoq_path_watch *watch, struct stoq_carrier *carrier)
{
	const struct stoq_tunnel_config *config = &carrier->worker->tunnel->config;
	struct stoq_connection_info info;

	if (config->local_count < 2)
		return;
	stoq_connection_info(carrier->connection, &info);
	watch->carrier = carrier;
	watch->round_trip_ns = info.smoothed_rtt_ns;
	stoq_path_choice_init(
		&watch->choice, config->local_count, path_of(config, &info.local), stoq_now_ns());
	look_later(watch);
}

void stoq_path_watch_end(struct stoq_path_watch *watch)
{
	stoq_alarm_cancel(watch->alarm);
	watch->alarm = NULL;
	watch->carrier = NULL;
}
