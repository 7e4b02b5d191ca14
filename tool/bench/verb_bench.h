/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq bench`: what STOQ's parts do on this machine and this network. tool/verb.h has the contract. */
int verb_bench(int argc, char **argv);
