#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# stoq target --kernel in the guest, all in one boot: see guest-target.
. "$(dirname "$0")/common.sh"
lab/run -- tests/lab/guest-target 2>&1 || fail "see above"
