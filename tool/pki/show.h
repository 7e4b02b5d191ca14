/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* stoq pki show, list. */
int pki_show(int argc, char **argv);
int pki_list(int argc, char **argv);
