/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Putting a tc program on an interface so that it stays when its maker is gone, and is the first
 * in line there: a tcx link with a name in bpffs, or a clsact filter that runs the program
 * itself. doc/design/attachment.md.
 */
#include "hook/attach.h"

enum stoq_keep_state {
	STOQ_KEEP_ATTACHED,
	STOQ_KEEP_BEHIND, /* attached, but a program of someone else sees packets first */
	STOQ_KEEP_GONE,	  /* the interface is gone, or somebody removed it */
};

/* Where a program stands in line. */
enum stoq_keep_place {
	STOQ_KEEP_FIRST,
	STOQ_KEEP_BEHIND_OURS, /* behind that of the link `ours`; behind those that are there where it is no link */
};

/*
 * Attaches to one side. pin: where in bpffs a tcx link gets its name; a filter has none. ours: the name of a link, only
 * for STOQ_KEEP_BEHIND_OURS.
 * force_clsact: as if the kernel had no tcx. Negative errno on failure; nothing stays behind.
 */
int stoq_attach_keep(struct stoq_attachment *attachment, const char *interface, bool ingress,
	int program_fd, const char *pin, enum stoq_keep_place place, const char *ours,
	bool force_clsact, struct stoq_error *error);

/* Puts another program into its place: each packet meets the old or the new one. */
int stoq_attach_keep_swap(struct stoq_attachment *attachment, int program_fd, const char *pin,
	struct stoq_error *error);

/* Undoes stoq_attach_keep(). What is gone already is fine. 0 or a negative errno. */
int stoq_attach_keep_remove(
	struct stoq_attachment *attachment, const char *pin, struct stoq_error *error);

/*
 * The same for an attachment whose note may be older: its maker may have been killed in between. An attachment of no kind
 * in the notes can only be a link, which is gone with its name.
 */
int stoq_attach_keep_remove_unsure(
	struct stoq_attachment *attachment, const char *pin, struct stoq_error *error);

/* *program_id: what is attached there; 0 if it is gone. */
enum stoq_keep_state stoq_attach_keep_look(
	const struct stoq_attachment *attachment, const char *pin, uint32_t *program_id);

/* Removes filters of any kept kind on this interface whose program wanted() accepts. */
int stoq_attach_keep_sweep(
	int ifindex, bool (*wanted)(void *context, uint32_t program_id), void *context);
