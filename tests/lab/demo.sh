#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo on kernel $1: stoq watch, the driver and the block layer must have counted the
# same commands and bytes, and at least those that fio asked for.
. "$(dirname "$0")/common.sh"
kernel=$1
out=$scratch/demo

STOQ_DEMO_OUT=$out lab/demo --target kernel --kernel "$kernel" >"$scratch/text" 2>&1 || fail "lab/demo exited with $?"
cat "$scratch/text"
report=$out/report.json

# holds WHAT FILTER: the report's answer to a filter must be true.
holds() {
	jq -e "$2" "$report" >/dev/null || fail "$1: not so in the report"
	echo "ok: $1"
}
holds "stoq, driver and block layer agree" '.exact and ([.opcodes[].difference[] | select(. != null)] | add == 0)'
holds "the bytes were compared, too" '[.opcodes[].difference.block_bytes | select(. != null)] | length == 2'
holds "reads are at least fio's" \
	'. as $r | .opcodes[] | select(.name == "Read") | .stoq.commands >= ($r.fio.verify.ios + $r.fio.read.ios) and .stoq.bytes >= ($r.fio.verify.bytes + $r.fio.read.bytes)'
holds "written bytes are at least fio's" \
	'. as $r | .opcodes[] | select(.name == "Write") | .stoq.bytes >= $r.fio.write.bytes'
holds "fio did what was planned" '.fio.write.bytes == 50331648 and .fio.verify.bytes == .fio.write.bytes and .fio.read.ios > 100'
holds "flushes and discards came by" \
	'[.opcodes[] | select(.name == "Flush" or .name == "Dataset Management") | .stoq.commands > 0] == [true, true]'
holds "on the wire is faster than through the block layer" \
	'. as $r | .opcodes[] | select(.name == "Read") | .stoq.latency_ns.mean < $r.fio.read.latency_ns.mean'
holds "nothing was missed or not understood" \
	'.watch.since_start | .unsynced_bytes == 0 and .untracked_commands == 0 and .unmatched_completions == 0 and .counters.malformed_packets == 0'
expect_text "four commands were refused" "$scratch/text" 'format with nvme-cli: refused'
expect_text "the medium was compared" "$scratch/text" 'compared, byte by byte'
expect_text "the policy was lifted" "$scratch/text" 'go through, and are verified'

# through the tunnel
holds "nothing but QUIC was on the paths, on both of them" \
	'.tunnel.paths | length == 2 and all(.packets == .quic + .network and .quic > 0)'
holds "the text was readable only where nothing encrypts it" \
	'.tunnel | .marker_on_loopback and ([.paths[].marker] == [false, false])'
holds "commands ended before, under loss, after the dark and over the other path" \
	'[.tunnel.phases[] | select(.name != "dark")] | length == 4 and all(.ended > 0)'
holds "in the dark none ended but those that were on their way" '.tunnel.phases[] | select(.name == "dark").ended < 20'
holds "fio verified what it had written" '.tunnel.fio.error == 0 and .tunnel.fio.verified > 0'
holds "the kernel reported no error, no timeout, no reset" '.tunnel.kernel_complaints == 0'
holds "both strangers were refused, for their own reasons" \
	'[.tunnel.refusals[].reason | test("host NQN"), test("certificate")] == [true, true, false, true]'
expect_text "the host with another NQN was refused" "$scratch/text" 'certificate allows another NQN: refused'
expect_text "the host with another authority's certificate was refused" "$scratch/text" "another authority's certificate: refused"
