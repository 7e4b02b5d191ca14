/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What there was of a guard before `on --replace` began, so that it can be taken back when it fails: its objects by the
 * names that they had, held open. The program that was there keeps its tables and its policy meanwhile.
 */
#include "guard/manifest.h"

#define STOQ_GUARD_ITEMS_MAX 64

struct stoq_guard_before {
	struct stoq_guard_manifest manifest;
	uint64_t connections_max; /* 0: not known */
	struct {
		char name[STOQ_GUARD_PATH_BYTES];
		int fd;
	} items[STOQ_GUARD_ITEMS_MAX];
	size_t count;
};

/* 0 or a negative errno. Free it in any case. */
int stoq_guard_before_take(struct stoq_guard_before *before, const struct stoq_guard_pins *pins,
	const struct stoq_guard_manifest *manifest, struct stoq_error *error);

/* Puts it back, where now is what has come of it since. 0 or a negative errno: something is not as it was. */
int stoq_guard_before_restore(const struct stoq_guard_before *before,
	const struct stoq_guard_pins *pins, struct stoq_guard_manifest *now,
	struct stoq_error *error);

void stoq_guard_before_free(struct stoq_guard_before *before);
