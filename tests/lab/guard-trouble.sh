#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# stoq guard behind VLAN tags, and where memory runs out, on kernel $1: see guest-guard-trouble.
. "$(dirname "$0")/common.sh"
lab/run --kernel "$1" --nvme 64M --memory 512 -- tests/lab/guest-guard-trouble 2>&1 || fail "see above"
