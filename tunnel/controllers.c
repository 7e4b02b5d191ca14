// SPDX-License-Identifier: BSD-2-Clause
#include "tunnel/controllers.h"

#include <stdlib.h>
#include <string.h>

struct stoq_controller {
	struct stoq_controller *next, **slot;
	struct stoq_controller_key key; /* its texts stand behind it */
	char texts[];
};

void stoq_controllers_init(struct stoq_controllers *controllers)
{
	*controllers = (struct stoq_controllers){0};
	pthread_mutex_init(&controllers->lock, NULL);
}

void stoq_controllers_destroy(struct stoq_controllers *controllers)
{
	pthread_mutex_destroy(&controllers->lock);
}

/* Copies a text to *end, and moves that behind it. */
static const char *keep(char **end, const char *text)
{
	size_t size = strlen(text) + 1;
	const char *kept = memcpy(*end, text, size);

	*end += size;
	return kept;
}

static struct stoq_controller *new_controller(const struct stoq_controller_key *key)
{
	size_t size = strlen(key->target) + strlen(key->subsystem_nqn) + strlen(key->host_nqn) + 3;
	struct stoq_controller *controller = malloc(sizeof(*controller) + size);
	char *end;

	if (!controller)
		return NULL;
	end = controller->texts;
	controller->key = (struct stoq_controller_key){.target = keep(&end, key->target),
		.subsystem_nqn = keep(&end, key->subsystem_nqn),
		.host_nqn = keep(&end, key->host_nqn),
		.cntlid = key->cntlid};
	return controller;
}

struct stoq_controller *stoq_controller_add(
	struct stoq_controllers *controllers, const struct stoq_controller_key *key)
{
	struct stoq_controller *controller = new_controller(key);

	if (!controller)
		return NULL;
	pthread_mutex_lock(&controllers->lock);
	controller->next = controllers->first;
	if (controller->next)
		controller->next->slot = &controller->next;
	controller->slot = &controllers->first;
	controllers->first = controller;
	pthread_mutex_unlock(&controllers->lock);
	return controller;
}

void stoq_controller_remove(
	struct stoq_controllers *controllers, struct stoq_controller *controller)
{
	if (!controller)
		return;
	pthread_mutex_lock(&controllers->lock);
	*controller->slot = controller->next;
	if (controller->next)
		controller->next->slot = controller->slot;
	pthread_mutex_unlock(&controllers->lock);
	free(controller);
}

static bool is_equal(const struct stoq_controller_key *one, const struct stoq_controller_key *other)
{
	return one->cntlid == other->cntlid && strcmp(one->host_nqn, other->host_nqn) == 0 &&
	       strcmp(one->subsystem_nqn, other->subsystem_nqn) == 0 &&
	       strcmp(one->target, other->target) == 0;
}

bool stoq_controller_is_there(
	struct stoq_controllers *controllers, const struct stoq_controller_key *key)
{
	struct stoq_controller *controller;

	pthread_mutex_lock(&controllers->lock);
	controller = controllers->first;
	while (controller && !is_equal(&controller->key, key))
		controller = controller->next;
	pthread_mutex_unlock(&controllers->lock);
	return controller != NULL;
}
