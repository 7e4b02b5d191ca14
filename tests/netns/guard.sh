# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the tests of stoq guard share, besides lib.sh: a BPF file system of their own, so that no
# guard of this machine is seen or touched. Sourced in place of lib.sh.
STOQ_UNSHARE=-m
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mount -t bpf bpf /sys/fs/bpf || skip "cannot mount a BPF file system here"

guard() {
	"$stoq" guard "$@"
}

# must COMMAND...: it succeeds; quiet if it does.
must() {
	"$@" >"$work/must.out" 2>&1 || fail "$*: $(cat "$work/must.out")"
}

# refused PATTERN COMMAND...: it fails and says so.
refused() {
	local pattern=$1
	shift
	if "$@" >"$work/refused.out" 2>&1; then fail "$*: succeeded"; fi
	grep -qe "$pattern" "$work/refused.out" || fail "$*: no '$pattern' in: $(cat "$work/refused.out")"
}

# policy NAME RULES: writes $work/NAME.yaml.
policy() {
	printf 'version: 1\ndefault: allow\nunknown-host: allow\nrules:\n%s\n' "$2" >"$work/$1.yaml"
}

# The guard's programs that the kernel has and no process holds: attached somewhere, or pinned. Those
# of other tests, which run at the same time elsewhere, are held.
objects() {
	comm -23 <(bpftool prog show | sed -n 's/^\([0-9]*\): .* name stoq_guard .*/\1/p' | sort) \
		<(cat /proc/[0-9]*/fdinfo/* 2>/dev/null | sed -n 's/^prog_id:\s*//p' | sort -u)
}

# expect_no_trace WHAT OBJECTS STATE: what there was before is there now, and no more.
no_trace() {
	[ -z "$(comm -13 <(echo "$1") <(objects))" ] && same_tc_state "$2" &&
		[ -z "$(ls /sys/fs/bpf/stoq/guard 2>/dev/null)" ]
}
expect_no_trace() {
	wait_for 60 no_trace "$2" "$3" ||
		fail "$1: left: $(diff <(echo "$2") <(objects)) $(diff <(echo "$3") <(tc_state))" \
			"$(ls -R /sys/fs/bpf/stoq)"
}

# The field of the only guard's status.
status() {
	guard status --json | jq -r "$1"
}

# expect_refused NAME STATUS...: in what the generator $work/NAME.json counted, every write failed with
# one of these statuses, and nothing else failed.
expect_writes_refused() {
	local name=$1
	shift
	tail -n 1 "$work/$name.json" | jq -e --argjson wanted "[$(IFS=, && echo "$*")]" '
		[.opcodes[] | select(.kind == "io")] as $io
		| ($io | map(select(.opcode == 1)) | first) as $write
		| ($write.commands > 0 and $write.commands == $write.errors)
		and ([$write.statuses[] | select(.count > 0) | .status] - $wanted == [])
		and ([$io[] | select(.opcode != 1) | .errors] | add // 0) == 0' >/dev/null ||
		fail "$name: not every write was refused, or more than those: $(tail -n 1 "$work/$name.json" |
			jq -c '[.opcodes[] | select(.kind == "io") | {opcode, commands, errors, statuses}]')"
}

# stop_unwritten_target: nothing ever reached the medium.
stop_unwritten_target() {
	stop_target
	[ "$(tail -n 1 "$work/target.out" | jq .bytes_not_zero)" = 0 ] ||
		fail "$1: refused writes reached the medium: $(tail -n 1 "$work/target.out")"
}

# A place for a stand-in of systemd-journald.
own_journal() {
	mkdir -p /run/systemd/journal
	mount -t tmpfs journal /run/systemd/journal || skip "cannot mount a file system here"
}

# listen PATH FILE: what comes there, an entry a line, fields by tabs.
listen() {
	/usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
s.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    while True:
        out.write(s.recv(65536).decode().rstrip("\n").replace("\n", "\t") + "\n")' "$1" "$2" &
	listener=$!
	pids+=($listener)
	wait_for 60 test -S "$1" || fail "nothing listens at $1"
}
