/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq tunnel`: NVMe/TCP over QUIC. tool/verb.h has the contract. */
int verb_tunnel(int argc, char **argv);
