/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq guard`: a policy for the NVMe/TCP commands that pass an interface. tool/verb.h has the contract. */
int verb_guard(int argc, char **argv);
