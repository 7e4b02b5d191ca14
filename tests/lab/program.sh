#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs the test program $2 on kernel $1.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
lab/run --kernel "$1" -- sh -c 'lab/guest-modules && "$@"' - "${@:2}" || fail "exit code $?"
