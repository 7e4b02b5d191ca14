#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# On a kernel older than 5.15 ($1) stoq watch says so and leaves nothing behind.
. "$(dirname "$0")/common.sh"

lab/run --kernel "$1" -- sh -c '
	lab/guest-modules
	"$STOQ" watch -i lo --duration 1s
	echo "exit code $?"
	tc qdisc show dev lo' >"$scratch/out" 2>"$scratch/err" || fail "lab/run exited with $?"
cat "$scratch/err"
expect "the exit code" "$(sed -n 1p "$scratch/out")" "exit code 1"
expect_text "the kernel that is needed" "$scratch/err" 'needs Linux 5\.15'
if grep -q clsact "$scratch/out"; then
	fail "a clsact qdisc was left on lo"
fi
