# SPDX-License-Identifier: BSD-2-Clause
# bench/ebpf_throughput's samples, as a table of medians; of a machine's description.
def median: map(select(. != null)) | sort | if length == 0 then null else .[length / 2 | floor] end;
def digits($n): if . == null then "" else (. * pow(10; $n) | round / pow(10; $n) | tostring) end;
def right($n): (" " * ($n - length) // "") + .;
def left($n): . + (" " * ($n - length) // "");

def order: [$samples[].name] | reduce .[] as $name ([]; if index($name) then . else . + [$name] end);
def row($name): [$samples[] | select(.name == $name)] as $of | {
	name: $name,
	gbit_per_second: ([$of[].gbit] | median),
	kilopackets_per_second: ([$of[].kpps] | median),
	cpu_percent: ([$of[].cpu] | median),
	p50_us: ([$of[].p50_us] | median),
	p99_us: ([$of[].p99_us] | median)
};

. + {runs: $runs, seconds: $seconds, rows: [order[] as $name | row($name)], samples: $samples}
| .text = [
	"\(.cpu), \(.cpus) CPUs, Linux \(.kernel), load \(.load); \($runs) runs of \($seconds) s, medians",
	"",
	("over veth, MTU 1500, two CPUs" | left(36)) + ("Gbit/s" | right(8)) + ("kpackets/s" | right(12))
		+ ("CPU %" | right(7)) + ("p50 us" | right(9)) + ("p99 us" | right(9)),
	(.rows[] | (.name | left(36)) + (.gbit_per_second | digits(2) | right(8))
		+ (.kilopackets_per_second | digits(0) | right(12)) + (.cpu_percent | digits(0) | right(7))
		+ (.p50_us | digits(1) | right(9)) + (.p99_us | digits(1) | right(9)))
]
