# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Records the NVMe/TCP traffic of lo twice, as a capture and by `stoq watch --pdus --slow 0`; sourced.
# It runs in the lab's guest, too, and so needs no tshark: tests/judge/compare comes later.
#
# The script that sources it has STOQ, the program; fail and wait_for, as in tests/netns/lib.sh; and
# pids, an array of the processes that it ends when it ends.

# record_start FOLDER PORT: to capture.pcap and watch.json in FOLDER. Returns when both record.
record_start() {
	record=$1
	touch "$record/tcpdump.log" "$record/watch.json"
	tcpdump -Z root -i lo -s 0 -B 65536 -U -w "$record/capture.pcap" tcp port "$2" 2>"$record/tcpdump.log" &
	tcpdump_pid=$!
	"$STOQ" watch -i lo --pdus --slow 0 --json --interval 200ms >"$record/watch.json" 2>"$record/watch.log" &
	watch_pid=$!
	pids+=("$tcpdump_pid" "$watch_pid")
	wait_for 60 grep -q 'listening on' "$record/tcpdump.log" ||
		fail "tcpdump does not start: $(cat "$record/tcpdump.log")"
	wait_for 60 grep -q '"interval"' "$record/watch.json" ||
		fail "stoq watch does not start: $(cat "$record/watch.log")"
}

# The kernel hands packets to tcpdump in blocks, at the latest after a second; what it has not
# handed over when tcpdump ends is lost.
capture_is_written() {
	local before
	before=$(stat -c %s "$record/capture.pcap")
	sleep 1.2
	[[ $before == "$(stat -c %s "$record/capture.pcap")" ]]
}

# record_stop: both must have recorded everything. Call it when every connection is closed.
record_stop() {
	local totals
	wait_for 60 capture_is_written || fail "the capture goes on growing"
	kill -INT "$tcpdump_pid" "$watch_pid"
	wait "$tcpdump_pid" || fail "tcpdump: $(cat "$record/tcpdump.log")"
	wait "$watch_pid" || fail "stoq watch: $(cat "$record/watch.log")"
	grep -q '^0 packets dropped by kernel' "$record/tcpdump.log" ||
		fail "tcpdump missed packets: $(cat "$record/tcpdump.log")"
	totals=$(tail -n 1 "$record/watch.json" | jq -c 'select(.type == "summary").since_start
		| {unsynced_bytes, unmatched_completions, untracked_commands} + (.counters
			| {events_lost, contended_packets, malformed_packets, ip_fragments, pdu_limit})
		| map_values(select(. != 0))')
	[[ $totals == '{}' ]] || fail "stoq watch missed something: $totals"
}
