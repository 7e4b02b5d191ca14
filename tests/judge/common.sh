# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the judge's tests on this machine share; sourced first. The test then runs as root in a
# network namespace of its own with lo up; what it started ends with it.
set -eu -o pipefail
judge=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${STOQ_BUILD:-$judge/../../build}
STOQ=$build/stoq
. "$judge/capture.sh"

skip() {
	echo "$1"
	exit 77
}

[[ $(id -u) == 0 ]] || skip "needs root, to make a network namespace and to load BPF programs"
for program in ip jq tcpdump tshark unshare; do
	command -v "$program" >/dev/null || skip "needs $program"
done
if [[ -z ${JUDGE_IN_NETNS-} ]]; then
	unshare -n true 2>/dev/null || skip "cannot make a network namespace here"
	JUDGE_IN_NETNS=1 exec unshare -n -- "$0" "$@"
fi
ip link set lo up

port=4420
work=$(mktemp -d)
pids=()
at_exit=:
finish() {
	local status=$?
	$at_exit
	for pid in ${tcpdump_pid-} ${watch_pid-} ${pids[@]+"${pids[@]}"}; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	if [[ -n ${JUDGE_KEEP-} ]]; then cp -r "$work" "$JUDGE_KEEP"; fi
	rm -rf "$work"
	exit $status
}
trap finish EXIT

# load OPTIONS...: our load generator, to its end.
load() {
	"$build/peer-load" --connect 127.0.0.1:$port "$@" >"$work/load.log" 2>&1 ||
		judge_fail "peer-load $*: $(cat "$work/load.log")"
}

# load_fails OPTIONS...: it must be refused.
load_fails() {
	if "$build/peer-load" --connect 127.0.0.1:$port "$@" >"$work/load.log" 2>&1; then
		judge_fail "peer-load $* was not refused"
	fi
}
