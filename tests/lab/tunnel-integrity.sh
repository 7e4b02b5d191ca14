#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the kernel's host writes through stoq tunnel is at the medium, whatever happens to the path and to the tunnel, on kernel $1:
# see guest-tunnel-integrity.
. "$(dirname "$0")/common.sh"
lab/run --kernel "$1" --nvme 0 --timeout 1500 -- tests/lab/guest-tunnel-integrity 2>&1 || fail "see above"
