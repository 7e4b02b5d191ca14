/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * uthash with the hash FNV-1a in place of its own, which falls through cases without an attribute: clang's warnings
 * do not accept that. A file that needs another hash defines HASH_FUNCTION and includes <uthash.h> itself.
 */
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)
#include <uthash.h>
