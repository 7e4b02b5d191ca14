#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# blktests' nvme group over tcp on kernel $1: the same result, test by test, with nothing beside it, with stoq watch, and with a guard
# that allows everything, strict by default and always. BLKTESTS names a tree of blktests that was built; it is not part of this
# repository. STOQ_BLKTESTS: the tests, in place of the whole group.
. "$(dirname "$0")/common.sh"
[[ -n ${BLKTESTS-} ]] || {
	echo "BLKTESTS is not set: a built tree of blktests (github.com/osandov/blktests, and its README)"
	exit 77
}
for program in gawk udevadm nvme fio jq; do
	command -v $program >/dev/null || { echo "blktests needs $program" && exit 77; }
done
need_kernel "$1"
read -ra tests <<<"${STOQ_BLKTESTS:-nvme}"

# run MODE TESTS...: their results in $scratch/MODE.
run() {
	local mode=$1 log=$scratch/$1.log
	shift
	lab/run --kernel "$kernel" --memory 2048 --timeout 5400 -- env BLKTESTS="$BLKTESTS" tests/lab/guest-blktests "$mode" "$@" \
		>"$log" 2>&1 || fail "blktests, $mode"
	sed -n 's/^result: //p' "$log" >"$scratch/$mode"
	[[ -s $scratch/$mode ]] || fail "blktests, $mode: no results"
}

kernel=$1
run plain "${tests[@]}"
echo "plain: $(grep -c ' pass' "$scratch/plain") passed, $(grep -c ' fail' "$scratch/plain") failed, $(grep -c ' not run' "$scratch/plain") not run"
grep -v ' pass' "$scratch/plain"
for mode in watch guard guard-always; do
	run $mode "${tests[@]}"
	# What depends on the emulated machine's speed differs between two plain runs, too: once more, both.
	mapfile -t differ < <(diff "$scratch/plain" "$scratch/$mode" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u)
	if ((${#differ[@]})); then
		echo "$mode: differs at first: ${differ[*]}"
		cp "$scratch/plain" "$scratch/plain-all"
		run plain "${differ[@]}"
		run $mode "${differ[@]}"
		diff "$scratch/plain" "$scratch/$mode" || fail "$mode: other results than without"
		cp "$scratch/plain-all" "$scratch/plain"
	fi
	echo "ok: $mode: the same results"
	grep '^seen: ' "$scratch/$mode.log"
done
