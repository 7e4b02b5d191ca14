/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq probe`: what this machine can do. tool/verb.h has the contract. */
int verb_probe(int argc, char **argv);
