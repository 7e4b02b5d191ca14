/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The namespaces that metrics have samples of, each once: host, subsystem and NSID as labels have them. With a label file
 * each that it names is a sample of stoq_nvme_volume_info. Pure.
 */
struct stoq_openmetrics;
struct stoq_place;
struct stoq_volume_key;
struct stoq_volumes;

/* Begin with NULL. 0 or -ENOMEM. */
int stoq_places_add(struct stoq_place **places, const struct stoq_volume_key *key);
void stoq_places_free(struct stoq_place **places);

/* The labels host, subsystem and namespace. */
void stoq_places_put_labels(
	const struct stoq_openmetrics *text, const struct stoq_volume_key *place);
/* The family. */
void stoq_places_put(const struct stoq_openmetrics *text, struct stoq_place *places,
	const struct stoq_volumes *volumes);
