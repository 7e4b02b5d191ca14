# SPDX-License-Identifier: BSD-2-Clause
# The demo's report.json as text for a person, 80 columns.

def left($n): (. // "-" | tostring) | . + (" " * ($n - length)) ;
def right($n): (. // "-" | tostring) | (" " * ($n - length)) + . ;
def fixed($digits): . * pow(10; $digits) | round / pow(10; $digits) | tostring |
	if test("\\.") then split(".") | .[0] + "." + (.[1] + "000")[:$digits] else . + "." + ("000"[:$digits]) end;
def mb: if . == null then "-" else . / 1e6 | fixed(2) end;
def us: if . == null then "-" else . / 1e3 | round end;

def count_line:
	"  " + (.name | left(19)) + (.stoq.commands | right(9)) + (.stoq.bytes | mb | right(9)) +
	(.driver.commands | right(9)) + (.block.requests | right(9)) + (.block.bytes | mb | right(9)) +
	(([.difference[] | select(. != null and . != 0)] | if . == [] then "0" else "DIFFERS" end) | right(9));
def latency_line:
	"  " + (.name | left(33)) + ([.p50, .p95, .p99, .max, .mean] | map(us | right(8)) | join(""));
def flag_line:
	select([.difference[] | select(. != null and . != 0)] != []) |
	"  \(.name): stoq watch minus driver \(.difference.driver_commands) commands" +
	(if .block then ", minus block layer \(.difference.block_requests) requests" +
		(if .block.bytes then " and \(.difference.block_bytes) bytes" else "" end) else "" end);

.block_stat as $b | .fio as $f |
"",
"Linux \(.kernel) (\(.accelerator)), stoq watch on lo by a \(.watch.attachment)",
"Target: \(.target.kind) (\(.target.reason))",
"",
"                     stoq watch          driver   block layer       difference",
"  opcode              commands       MB  commands requests       MB",
(.opcodes[] | count_line),
"",
"  latency, us                           p50     p95     p99     max    mean",
(.opcodes[] | select(.queue == "io" and .stoq.latency_ns) |
	{name: "\(.name), seen by stoq"} + .stoq.latency_ns | latency_line),
({name: "write, seen by fio"} + $f.write.latency_ns | latency_line),
({name: "verify, seen by fio"} + $f.verify.latency_ns | latency_line),
({name: "4 KiB read, seen by fio"} + $f.read.latency_ns | latency_line),
"",
"fio asked for \($f.write.ios) writes (\($f.write.bytes | mb) MB) and \($f.verify.ios + $f.read.ios) reads (\($f.verify.bytes + $f.read.bytes | mb) MB).",
"The rest is ext4's: mkfs, journal, inodes. The block layer splits and merges",
"requests and counts them after that. /sys/block/\(.disk)/stat has",
"\($b.writes) writes: \($b.writes - $b.write_zeroes - $b.empty_flushes) with data, \($b.write_zeroes) Write Zeroes, \($b.empty_flushes) flushes without data (such a",
"flush is no command of its own). fio's latency is longer than stoq's: ext4, the",
"block layer, the driver and its queue are in it.",
"",
"stoq watch saw \(.watch.since_start.pdus) PDUs; \(.watch.since_start.unsynced_bytes) bytes were not understood.",
"Commands that failed:" + (if .watch.statuses == [] then " none" else "" end),
(.watch.statuses[] | "  \(.count) \(.opcode_name): \(.status_name)" +
	(if .queue == "admin" and .opcode == 12 then " (its end at a disconnect)" else "" end)),
"",
(.tunnel | "Through the tunnel: \(.fio.writes) writes, \(.fio.verified) reads verified, errors: \(.fio.error), complaints of the kernel: \(.kernel_complaints).",
(.phases[] | "  \(.name): \(.ended) commands ended in \(.seconds) s"),
(.paths[] | "  path \(.name | ascii_upcase): \(.quic) packets of QUIC, \(.network) of ARP and ICMP, \(.packets - .quic - .network) others; the text was \(if .marker then "" else "not " end)readable there"),
(.refusals[] | "  refused: \(.who)")),
"",
(if .exact then "EXACT: stoq watch, the driver and the block layer counted the same."
else "NOT EXACT: the counts differ. Either stoq missed or invented a command, or the",
	"block layer counts one that never reached the wire:", (.opcodes[] | flag_line) end)
