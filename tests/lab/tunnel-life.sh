#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The life of the kernel's NVMe/TCP host through stoq tunnel is what it is without, on kernel $1, with nvmet: see guest-tunnel-life.
. "$(dirname "$0")/common.sh"
lab/run --kernel "$1" --nvme 0 --timeout 1500 -- tests/lab/guest-tunnel-life 2>&1 || fail "see above"
