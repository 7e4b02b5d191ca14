# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the tests of this folder share. A test sources it first: it then runs in a network
# namespace of its own, as root, with lo up; what it started is ended when it ends.
#
# STOQ_BUILD: the build tree (default: build). STOQ_TEST_LONG=1: millions of commands instead of
# what is enough for CI.
set -eu -o pipefail

netns_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STOQ_BUILD=${STOQ_BUILD:-$netns_dir/../../build}
STOQ_TEST_LONG=${STOQ_TEST_LONG:-0}
stoq=$STOQ_BUILD/stoq

skip() {
	echo "$1"
	exit 77
}

[ "$(id -u)" = 0 ] || skip "needs root, to make a network namespace and to load BPF programs"
for program in "$stoq" "$STOQ_BUILD/peer-target" "$STOQ_BUILD/peer-load"; do
	[ -x "$program" ] || skip "$program is not built"
done
# A test says without_watch=1 if it does without stoq watch, which a build may lack.
[ -n "${without_watch:-}" ] || "$stoq" watch --help >/dev/null 2>&1 ||
	skip "this stoq has no watch"
for program in ip tc jq bpftool unshare; do
	command -v "$program" >/dev/null || skip "needs $program"
done
if [ -z "${STOQ_IN_NETNS:-}" ]; then
	# STOQ_UNSHARE: namespaces besides that of the network, as options of unshare.
	# shellcheck disable=SC2086
	unshare -n ${STOQ_UNSHARE:-} true 2>/dev/null || skip "cannot make a network namespace here"
	# shellcheck disable=SC2086
	STOQ_IN_NETNS=1 exec unshare -n ${STOQ_UNSHARE:-} -- "$0" "$@"
fi
ip link set lo up

work=$(mktemp -d)
pids=()
at_exit=()

finish() {
	local status=$? pid command
	disown -a # bash would say of each that it was killed
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	for command in "${at_exit[@]}"; do
		$command || true
	done
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		tail -n 20 "$work"/*.err 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}

# count SHORT LONG: how many commands, by STOQ_TEST_LONG.
count() {
	if [ "$STOQ_TEST_LONG" = 1 ]; then echo "$2"; else echo "$1"; fi
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# start_target [-n NETNS] OPTIONS...
target_pid=
start_target() {
	local in=()
	if [ "$1" = -n ]; then
		in=(ip netns exec "$2")
		shift 2
	fi
	: >"$work/target.out"
	"${in[@]}" "$STOQ_BUILD/peer-target" "$@" >"$work/target.out" 2>"$work/target.err" &
	target_pid=$!
	pids+=("$target_pid")
	wait_for 60 grep -q listening "$work/target.out" || fail "peer-target does not start"
}

stop_target() {
	kill -TERM "$target_pid"
	wait "$target_pid" || fail "peer-target ended with an error"
	[ "$(tail -n 1 "$work/target.out" | jq .failed)" = 0 ] ||
		fail "peer-target ended connections: $(cat "$work/target.err")"
}

# start_watch NAME OPTIONS...: its JSON goes to $work/NAME.json, its process id to watch_pid.
# Returns once the first interval is over: the program is attached.
watch_pid=
start_watch() {
	local name=$1 in=()
	shift
	if [ "$1" = -n ]; then
		in=(ip netns exec "$2")
		shift 2
	fi
	: >"$work/$name.json"
	"${in[@]}" "$stoq" watch --json --by opcode --interval 200ms "$@" >"$work/$name.json" \
		2>"$work/$name.err" &
	watch_pid=$!
	pids+=("$watch_pid")
	wait_for 60 grep -q interval "$work/$name.json" || fail "stoq watch does not start"
}

# stop_watch NAME PID: ends it; the last line of $work/NAME.json is the summary.
stop_watch() {
	sleep 0.1 # what was sent last has passed the hook
	kill -INT "$2"
	wait "$2" || fail "stoq watch ended with an error"
	[ "$(tail -n 1 "$work/$1.json" | jq -r .type)" = summary ] || fail "no summary at the end"
}

# load NAME [-n NETNS] OPTIONS...: runs peer-load to its end; its JSON in $work/NAME.json.
load() {
	local name=$1 in=()
	shift
	if [ "$1" = -n ]; then
		in=(ip netns exec "$2")
		shift 2
	fi
	"${in[@]}" "$STOQ_BUILD/peer-load" --json "$@" >"$work/$name.json" 2>"$work/$name.err" ||
		fail "peer-load: $(cat "$work/$name.err")"
}

# start_orders OPTIONS...: a generator that takes orders. Begins paused; after "pause" it prints what
# it counted up to then, as a line of $work/load.json.
load_pid=
start_orders() {
	rm -f "$work/orders"
	mkfifo "$work/orders"
	: >"$work/load.json"
	"$STOQ_BUILD/peer-load" --control "$@" <"$work/orders" >"$work/load.json" \
		2>"$work/load.err" &
	load_pid=$!
	pids+=("$load_pid")
	exec 3>"$work/orders"
	wait_for 60 paused 0 || fail "peer-load does not connect: $(cat "$work/load.err")"
}
order() {
	echo "$1" >&3
}
pause() {
	local lines
	lines=$(wc -l <"$work/load.json")
	order pause
	wait_for 60 paused "$lines" || fail "peer-load does not pause: $(cat "$work/load.err")"
}
paused() {
	[ "$(wc -l <"$work/load.json")" -gt "$1" ]
}
stop_orders() {
	order quit
	exec 3>&-
	wait "$load_pid" || fail "peer-load: $(cat "$work/load.err")"
}

# Everything that tc and BPF have at lo.
tc_state() {
	tc qdisc show dev lo
	tc filter show dev lo ingress
	tc filter show dev lo egress
	bpftool net show dev lo 2>/dev/null | grep -vE '^$|:$' || true
}
same_tc_state() {
	[ "$(tc_state)" = "$1" ]
}

add_foreign_filters() {
	tc qdisc add dev lo clsact 2>/dev/null || return 1
	# Classic BPF: "return 0", no match.
	tc filter add dev lo ingress prio 7 handle 1 bpf bytecode '1,6 0 0 0' &&
		tc filter add dev lo egress prio 1 handle 1 bpf bytecode '1,6 0 0 0'
}

# Both sides' counts, as lines of: opcode, commands, errors, bytes; then statuses.
watch_counts() {
	jq -r '
		def key: if .opcode == 127 then "fabrics/\(.fctype)" else "\(.queue)/\(.opcode)" end;
		([.groups[] | {key: (.identity | key), commands, errors, bytes}] | group_by(.key)[]
			| "\(.[0].key) \(map(.commands) | add) \(map(.errors) | add) \(map(.bytes) | add)"),
		([.statuses[] | select(.opcode != 127)
			| {key: "\(.queue)/\(.opcode) status \(.status)", count}] | group_by(.key)[]
			| "\(.[0].key) \(map(.count) | add)")' | sort
}

load_counts() {
	jq -r '
		.opcodes[] | (if .opcode == 127 then "fabrics/\(.fctype)" else "\(.kind)/\(.opcode)" end)
			as $key
		| "\($key) \(.commands) \(.errors) \(.bytes)",
		  (select(.opcode != 127) | .statuses[] | "\($key) status \(.status) \(.count)")' | sort
}

summary() {
	tail -n 1 "$work/$1.json"
}

# expect_same WHAT WATCH_LINES LOAD_LINES
expect_same() {
	if [ "$2" != "$3" ]; then
		diff <(echo "$3") <(echo "$2") | sed 's/^</generator:/; s/^>/watch:    /' || true
		fail "$1: stoq watch and the generator disagree (opcode, commands, errors, bytes)"
	fi
}

# expect_nothing_missed NAME: the program understood every byte.
expect_nothing_missed() {
	local missed
	missed=$(summary "$1" | jq -c '.since_start
		| {unsynced_bytes, unmatched_completions, untracked_commands, unended_commands} + .counters
		| del(.packets, .nvme_packets, .flows_new, .events_lost, .series_full, .early_segments)
		| with_entries(select(.value != 0))')
	[ "$missed" = '{}' ] || fail "stoq watch missed something: $missed"
}

# expect_exact WATCH LOAD: same counts for every opcode, nothing missed.
expect_exact() {
	expect_same "$1" "$(summary "$1" | watch_counts)" "$(load_counts <"$work/$2.json")"
	expect_nothing_missed "$1"
}
