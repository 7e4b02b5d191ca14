/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The version of these headers. It is written here and nowhere else: CMake and the tool take it from
 * here, and a test compares the changelogs with it.
 */
#define STOQ_VERSION_MAJOR 0
#define STOQ_VERSION_MINOR 2
#define STOQ_VERSION_PATCH 0

/* For comparisons: #if STOQ_VERSION_NUMBER >= STOQ_VERSION_OF(0, 2, 0) */
#define STOQ_VERSION_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define STOQ_VERSION_NUMBER                                                                        \
	STOQ_VERSION_OF(STOQ_VERSION_MAJOR, STOQ_VERSION_MINOR, STOQ_VERSION_PATCH)

/* The same as text: "0.2.0". */
#define STOQ_VERSION				STOQ_VERSION_TEXT(STOQ_VERSION_MAJOR, STOQ_VERSION_MINOR, STOQ_VERSION_PATCH)
#define STOQ_VERSION_TEXT(major, minor, patch)	STOQ_VERSION_QUOTE(major, minor, patch)
#define STOQ_VERSION_QUOTE(major, minor, patch) #major "." #minor "." #patch
