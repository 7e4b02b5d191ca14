// SPDX-License-Identifier: BSD-2-Clause
#include "target/peers.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "target/clock.h"
#include "target/jsonrpc.h"

struct asking {
	struct stoq_jsonrpc *rpc;
	uint64_t deadline_ns;
	void (*told)(void *context, const struct stoq_target_peer *peer);
	void *context;
	struct stoq_error *error;
};

/* The text at key; "" if there is none. */
static const char *text_at(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

/* The number at key, -1 if there is none that fits 16 bits. */
static int number_at(struct json_object *object, const char *key)
{
	struct json_object *value;
	int64_t number;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_int))
		return -1;
	number = json_object_get_int64(value);
	return number >= 0 && number <= UINT16_MAX ? (int)number : -1;
}

/* Calls a method that takes a subsystem's NQN, and gives a list. */
static int list(
	struct asking *asking, const char *method, const char *nqn, struct json_object **result)
{
	struct json_object *params = NULL;
	int ret;

	if (nqn) {
		params = json_object_new_object();
		stoq_json_put_string(params, "nqn", nqn);
	}
	ret = stoq_jsonrpc_call(asking->rpc, method, params,
		(unsigned int)stoq_clock_left_ms(asking->deadline_ns), result, asking->error);
	if (ret || json_object_is_type(*result, json_type_array))
		return ret;
	json_object_put(*result);
	*result = NULL;
	return stoq_error_set(asking->error, -EPROTO, "SPDK's answer to %s is not a list", method);
}

/* The NQN of the host that a controller belongs to, by its ID. */
struct hosts {
	const char *of[UINT16_MAX + 1];
};

static struct hosts *collect_hosts(struct json_object *controllers)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	for (size_t i = 0; hosts && i < json_object_array_length(controllers); i++) {
		struct json_object *controller = json_object_array_get_idx(controllers, i);
		int cntlid = number_at(controller, "cntlid");

		if (cntlid >= 0)
			hosts->of[cntlid] = text_at(controller, "hostnqn");
	}
	return hosts;
}

static void tell(struct asking *asking, const char *nqn, struct json_object *queue,
	const struct hosts *hosts)
{
	struct json_object *local = NULL, *remote = NULL;
	struct stoq_target_peer peer = {.subsystem_nqn = nqn};
	int qid = number_at(queue, "qid"), cntlid = number_at(queue, "cntlid");

	json_object_object_get_ex(queue, "listen_address", &local);
	json_object_object_get_ex(queue, "peer_address", &remote);
	if (!local || !remote || qid < 0 || cntlid < 0 || !hosts->of[cntlid] ||
		strcasecmp(text_at(local, "trtype"), "TCP") != 0)
		return;
	peer.host_nqn = hosts->of[cntlid];
	peer.host_address = text_at(remote, "traddr");
	peer.host_port = text_at(remote, "trsvcid");
	peer.address = text_at(local, "traddr");
	peer.port = text_at(local, "trsvcid");
	peer.qid = (uint16_t)qid;
	if (peer.host_nqn[0])
		asking->told(asking->context, &peer);
}

static int ask_subsystem(struct asking *asking, const char *nqn)
{
	struct json_object *queues, *controllers = NULL;
	struct hosts *hosts = NULL;
	int ret = list(asking, "nvmf_subsystem_get_qpairs", nqn, &queues);

	if (ret)
		return ret;
	ret = list(asking, "nvmf_subsystem_get_controllers", nqn, &controllers);
	if (!ret) {
		hosts = collect_hosts(controllers);
		ret = hosts ? 0 : stoq_error_set(asking->error, -ENOMEM, "no memory");
	}
	for (size_t i = 0; !ret && i < json_object_array_length(queues); i++)
		tell(asking, nqn, json_object_array_get_idx(queues, i), hosts);
	free(hosts);
	json_object_put(controllers);
	json_object_put(queues);
	return ret;
}

static int ask_all(struct asking *asking)
{
	struct json_object *subsystems;
	int ret = list(asking, "nvmf_get_subsystems", NULL, &subsystems);

	if (ret)
		return ret;
	for (size_t i = 0; !ret && i < json_object_array_length(subsystems); i++) {
		ret = ask_subsystem(
			asking, text_at(json_object_array_get_idx(subsystems, i), "nqn"));
		/* One that was deleted meanwhile has no connections any more. */
		if (ret == -EREMOTEIO)
			ret = 0;
	}
	json_object_put(subsystems);
	return ret;
}

int stoq_target_spdk_peers(const char *socket_path, unsigned int timeout_ms,
	void (*told)(void *context, const struct stoq_target_peer *peer), void *context,
	struct stoq_error *error)
{
	struct asking asking = {.told = told,
		.context = context,
		.error = error,
		.deadline_ns = stoq_clock_deadline_ns(timeout_ms)};
	int ret = stoq_jsonrpc_open(&asking.rpc, socket_path, timeout_ms, error);

	if (ret)
		return ret;
	ret = ask_all(&asking);
	stoq_jsonrpc_close(asking.rpc);
	return ret;
}
