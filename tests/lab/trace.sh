#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# On kernel $1: attaching and detaching leave no trace (see guest-trace).
. "$(dirname "$0")/common.sh"
need_kernel "$1"
lab/run --kernel "$1" -- tests/lab/guest-trace 2>&1 || fail "see above"
