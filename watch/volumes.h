/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What people call the namespaces: a file that gives them a volume, a pod and a tenant, by the NQNs of subsystem and host
 * and the NSID. stoq-watch(8), LABELS, describes it. Read again when it changes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STOQ_VOLUMES_MAX       10000	  /* entries */
#define STOQ_VOLUMES_FILE_MAX  (4u << 20) /* bytes */
#define STOQ_VOLUMES_LABEL_MAX 253	  /* bytes of a label; a name in Kubernetes has as many */

/* Whose commands: text as metrics have it. NULL: any. */
struct stoq_volume_key {
	const char *host, *subsystem, *nsid;
};

enum { STOQ_VOLUME_LABELS = 3 };
extern const char *const stoq_volume_label_names[STOQ_VOLUME_LABELS]; /* volume, pod, tenant */

struct stoq_volume {
	char *labels[STOQ_VOLUME_LABELS]; /* "": none */
};

struct stoq_volumes;

/* The file must be there and right. */
int stoq_volumes_open(struct stoq_volumes **volumes, const char *path, struct stoq_error *error);
void stoq_volumes_close(struct stoq_volumes *volumes); /* NULL is fine */

/*
 * Reads the file again if it has changed. What cannot be used leaves what was read before. True: *error has news for the
 * user, once for each reason; code 0: it was read.
 */
bool stoq_volumes_refresh(struct stoq_volumes *volumes, struct stoq_error *error);

/* The most specific entry: host counts before subsystem, and that before namespace. NULL: there is none. */
const struct stoq_volume *stoq_volumes_find(
	const struct stoq_volumes *volumes, const struct stoq_volume_key *key);

size_t stoq_volumes_count(const struct stoq_volumes *volumes);
/* Whether what is in use is what the file contains. */
bool stoq_volumes_is_current(const struct stoq_volumes *volumes);
