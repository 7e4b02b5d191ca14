#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# stoq guard with the kernel's own host and target on kernel $1, all in one boot: see guest-guard.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
lab/run --kernel "$1" --nvme 64M -- tests/lab/guest-guard 2>&1 || fail "see above"
