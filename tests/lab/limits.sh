#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Limits of stoq guard between the kernel's own host and target on kernel $1: see guest-limits.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
lab/run --kernel "$1" --memory 1536 --nvme 64M --timeout 1200 -- tests/lab/guest-limits 2>&1 || fail "see above"
