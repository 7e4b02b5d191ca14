/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq record`: what becomes of records. tool/verb.h has the contract. */
int verb_record(int argc, char **argv);
