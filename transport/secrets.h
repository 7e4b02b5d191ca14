/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A transport's secrets: what seals its connection IDs, makes stateless reset tokens, and proves
 * addresses. The first two can be known to the transport that has the port after a crash: then it
 * tells peers at once that their connections are gone (RFC 9000, section 10.3.2).
 */
#include <stoq/error.h>

#include "datapath/datapath.h"

struct stoq_transport;

/*
 * Fills them: from reset_key_file, which is made if it is not there; else from the certificate's
 * private key and the address the transport is bound to; else at random. Settings and credentials
 * are there. 0; -EIO: no random numbers; what reading or writing the file failed with; -EINVAL: it
 * holds too little.
 */
int stoq_secrets_make(struct stoq_transport *transport, const struct stoq_address *local,
	struct stoq_error *error);
