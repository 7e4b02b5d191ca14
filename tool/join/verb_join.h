/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq join`: where the time of commands goes, by a record of each end. tool/verb.h has the contract. */
int verb_join(int argc, char **argv);
