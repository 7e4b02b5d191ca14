/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq target`: NVMe/TCP targets, started and stopped. tool/verb.h has the contract. */
int verb_target(int argc, char **argv);
