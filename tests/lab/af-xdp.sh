#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# On kernel $1: AF_XDP over virtio network cards, which copies or does not as $2 says (see
# guest-af-xdp).
. "$(dirname "$0")/common.sh"
export STOQ_MOVER=${STOQ%/*}/tests/datapath/datapath-mover
lab/run --kernel "$1" --nics 2 --nvme 0 -- env MOVER="$STOQ_MOVER" tests/lab/guest-af-xdp "$2" 2>&1 ||
	fail "see above"
