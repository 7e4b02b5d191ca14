#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs each of the test programs $2... on kernel $1, in one guest.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
# shellcheck disable=SC2016 # the guest's shell expands it
lab/run --kernel "$1" -- sh -c 'lab/guest-modules && for program; do "$program" || exit; done' - "${@:2}" || fail "exit code $?"
