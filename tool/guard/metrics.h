/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* `stoq guard metrics`: a guard's figures for a scraper, once, or served by HTTP or HTTPS. */
int guard_metrics(int argc, char **argv);
