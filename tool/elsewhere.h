/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A verb that is in stoq-quic, a program of its own, so that QUIC's libraries are needed where it is used
 * and not where stoq watches or polices. tool/verb.h has the contract. Returns only on failure.
 */
int verb_elsewhere(int argc, char **argv);
