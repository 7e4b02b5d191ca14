/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq xdp`: the XDP filters of running transports. tool/verb.h has the contract. */
int verb_xdp(int argc, char **argv);
