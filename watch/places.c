// SPDX-License-Identifier: BSD-2-Clause
#include "watch/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "metrics/openmetrics.h"
#include "watch/volumes.h"

struct stoq_place {
	char *labels; /* the key: what stands between the braces */
	char *host, *subsystem, *nsid;
	UT_hash_handle hh;
};

void stoq_places_put_labels(
	const struct stoq_openmetrics *text, const struct stoq_volume_key *place)
{
	stoq_openmetrics_put_pair(text, "host", place->host);
	fputc(',', text->out);
	stoq_openmetrics_put_pair(text, "subsystem", place->subsystem);
	fputc(',', text->out);
	stoq_openmetrics_put_pair(text, "namespace", place->nsid);
}

/* For free(); NULL: no memory. */
static char *labels_of(const struct stoq_volume_key *key)
{
	char *labels = NULL;
	size_t size;
	const struct stoq_openmetrics text = {.out = open_memstream(&labels, &size)};

	if (!text.out)
		return NULL;
	stoq_places_put_labels(&text, key);
	if (!fclose(text.out))
		return labels;
	free(labels);
	return NULL;
}

static void free_place(struct stoq_place *place)
{
	free(place->labels);
	free(place->host);
	free(place->subsystem);
	free(place->nsid);
	free(place);
}

static struct stoq_place *new_place(const struct stoq_volume_key *key)
{
	struct stoq_place *place = calloc(1, sizeof(*place));

	if (!place)
		return NULL;
	place->host = strdup(key->host);
	place->subsystem = strdup(key->subsystem);
	place->nsid = strdup(key->nsid);
	if (place->host && place->subsystem && place->nsid)
		return place;
	free_place(place);
	return NULL;
}

int stoq_places_add(struct stoq_place **places, const struct stoq_volume_key *key)
{
	char *labels = labels_of(key);
	struct stoq_place *place;

	if (!labels)
		return -ENOMEM;
	HASH_FIND_STR(*places, labels, place);
	if (place) {
		free(labels);
		return 0;
	}
	place = new_place(key);
	if (!place) {
		free(labels);
		return -ENOMEM;
	}
	place->labels = labels;
	HASH_ADD_KEYPTR(hh, *places, place->labels, strlen(place->labels), place);
	return 0;
}

void stoq_places_free(struct stoq_place **places)
{
	struct stoq_place *place = *places, *next;

	HASH_CLEAR(hh, *places);
	for (; place; place = next) {
		next = place->hh.next;
		free_place(place);
	}
}

static void put_place(const struct stoq_openmetrics *text, const struct stoq_place *place,
	const struct stoq_volume *volume)
{
	fprintf(text->out, "stoq_nvme_volume_info{%s", place->labels);
	for (int i = 0; i < STOQ_VOLUME_LABELS; i++) {
		fputc(',', text->out);
		stoq_openmetrics_put_pair(text, stoq_volume_label_names[i], volume->labels[i]);
	}
	fputs("} 1\n", text->out);
}

void stoq_places_put(const struct stoq_openmetrics *text, struct stoq_place *places,
	const struct stoq_volumes *volumes)
{
	/* Prometheus' format has no type for it: there the name ends with _info, and it is a gauge. */
	stoq_openmetrics_put_head(text, text->prometheus ? "nvme_volume_info" : "nvme_volume",
		"Names of namespaces, from the label file", text->prometheus ? "gauge" : "info");
	for (struct stoq_place *place = places; place; place = place->hh.next) {
		const struct stoq_volume_key key = {place->host, place->subsystem, place->nsid};
		const struct stoq_volume *volume = stoq_volumes_find(volumes, &key);

		if (volume)
			put_place(text, place, volume);
	}
}
