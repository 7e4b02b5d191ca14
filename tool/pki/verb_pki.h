/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq pki`: a private authority for the certificates of STOQ's nodes. tool/verb.h has the contract. */
int verb_pki(int argc, char **argv);
