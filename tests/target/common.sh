# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# For the scripts beside it: `stoq target` with a run folder of its own, and a few checks.
# Sourced with the build folder as $1.
stoq=$1/stoq
work=$(mktemp -d /tmp/stoq-target-XXXXXX)
run=$work/run
out=$work/out
checks=0

clean_up() {
	"$stoq" target stop --all --run-dir "$run" >/dev/null 2>&1
	# shellcheck disable=SC2046 # a list
	[ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
	rm -rf "$work"
}
trap clean_up EXIT

fail() {
	echo "FAILED: $1" >&2
	sed 's/^/  | /' "$out" >&2
	exit 1
}

# expect CODE WHAT COMMAND...: runs `stoq target COMMAND`; its output is in $out.
expect() {
	local code=$1 what=$2 got=0
	shift 2
	"$stoq" target "$@" --run-dir "$run" >"$out" 2>&1 || got=$?
	[ $got = "$code" ] || fail "$what: exit code $got, not $code"
	checks=$((checks + 1))
}

# says WHAT TEXT: the last output contains TEXT.
says() {
	grep -qF -- "$2" "$out" || fail "$1: does not say '$2'"
	checks=$((checks + 1))
}

nothing_left() {
	[ -z "$(ls -A "$run" 2>/dev/null)" ] || fail "$1: leaves $(ls -A "$run") behind"
	checks=$((checks + 1))
}

# gone PID: waits until the process has ended.
gone() {
	local tries=100
	while [ -e "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

pid_of() {
	jq -r .pid "$run/target-$1/state.json"
}

done_testing() {
	echo "passed: $checks checks"
	exit 0
}
