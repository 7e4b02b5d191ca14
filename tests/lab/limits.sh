#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Limits of stoq guard between the kernel's own host and target on kernel $1: see guest-limits. With "spdk" the first target is SPDK's, from SPDK_DIR.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
size=(--memory 1536)
if [[ ${2-} == spdk ]]; then
	[[ -x ${SPDK_DIR-}/build/bin/nvmf_tgt ]] || { echo "SPDK_DIR names no built SPDK" && exit 77; }
	# nvmf_tgt polls, so it has a processor for itself.
	size=(--memory 2560 --cpus 3)
	lab/run --kernel "$1" "${size[@]}" --timeout 60 -- "$SPDK_DIR/build/bin/nvmf_tgt" --version >"$scratch/spdk" 2>&1 || {
		echo "the guest's processor cannot run $SPDK_DIR: configure SPDK with --target-arch=x86-64-v3" && exit 77
	}
fi
lab/run --kernel "$1" "${size[@]}" --nvme 64M --timeout 1200 -- env SPDK_DIR="${SPDK_DIR-}" tests/lab/guest-limits "${2-kernel}" 2>&1 || fail "see above"
