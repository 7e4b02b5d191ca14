/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq watch`: the NVMe/TCP commands that pass an interface. tool/verb.h has the contract. */
int verb_watch(int argc, char **argv);
