#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# On kernel $1: AF_XDP over virtio network cards, which copies or does not as $2 says (see
# guest-af-xdp); or, if that is "veth", tests/netns/af_xdp, with VLANs.
. "$(dirname "$0")/common.sh"
need_kernel "$1"
build=${STOQ%/*}
if [[ $2 == veth ]]; then
	lab/run --kernel "$1" --nvme 0 -- env STOQ_BUILD="$build" sh -c \
		'modprobe -a veth 8021q && tests/netns/af_xdp' 2>&1 | tee "$scratch/out"
	[[ ${PIPESTATUS[0]} == 0 ]] || fail "see above"
	expect_text "VLANs" "$scratch/out" '10.9.5.2.*whole'
	exit
fi
lab/run --kernel "$1" --nics 2 --nvme 0 -- env STOQ="$STOQ" \
	MOVER="$build/tests/datapath/datapath-mover" DEMO="$build/examples/ebpf_demo" \
	tests/lab/guest-af-xdp "$2" 2>&1 || fail "see above"
