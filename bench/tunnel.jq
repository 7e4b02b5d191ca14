# SPDX-License-Identifier: BSD-2-Clause
# The machine, and $samples of bench/tunnel, to medians, ratios and the lines that show them.
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def summary(f): map(f) | {median: median, least: min, most: max};
def pad($width): . + (" " * ([$width - length, 0] | max));
def left($width): (" " * ([$width - length, 0] | max)) + .;
# Three figures that count.
def short: if . >= 100 then round elif . >= 10 then . * 10 | round / 10 else . * 100 | round / 100 end | tostring;
def count: if . >= 10000 then (. / 1000 | short) + "k" else short end;
def path_text: if .mtu then "veth, MTU \(.mtu)"
	else "round trip \(.rtt_ms) ms, \(.loss_percent) % lost each way" end;
def arm_text: if . == "direct" then "TCP, plaintext, cubic" elif . == "direct:bbr" then "TCP, plaintext, BBR" elif . == "stunnel" then "stunnel, TLS 1.3"
	elif . == "tunnel" then "stoq tunnel, defaults"
	else split(":") | "stoq tunnel, \(.[1]), \(.[2]) lane\(if .[2] == "1" then "" else "s" end)\(if .[3] then ", " + .[3] else "" end)" end;

def row: {path: .[0].path, work: .[0].work, arm: .[0].arm, runs: length,
	iops: summary(.iops), gb_per_second: summary(.gb_per_second),
	p50_us: summary(.p50_us), p99_us: summary(.p99_us), p99_9_us: summary(.p99_9_us), max_us: summary(.max_us),
	cpu_us_per_command: summary(.cpu_us_per_command), cpu_seconds_per_gb: summary(.cpu_seconds_per_gb),
	errors: (map(.errors) | add)};

# Of the same turn's runs: the n-th run of an arm by the n-th run of the other one.
def ratio_to($samples; $other): . as $row
	| [$samples[] | select(.path == $row.path and .work == $row.work)] as $here
	| [$here[] | select(.arm == $row.arm).iops] as $mine | [$here[] | select(.arm == $other).iops] as $theirs
	| if $theirs == [] or $row.arm == $other then null
		else [range([$mine, $theirs] | map(length) | min) | $mine[.] / $theirs[.]] | median end;

def line: "    " + (.arm | arm_text | pad(36)) + (.iops.median | count | left(8))
	+ ("\(.iops.least | count) to \(.iops.most | count)" | left(18)) + (.gb_per_second.median | short | left(7))
	+ ([.p50_us, .p99_us, .p99_9_us] | map(.median | short | left(9)) | add)
	+ (.cpu_us_per_command.median | short | left(8)) + (.cpu_seconds_per_gb.median | short | left(8))
	+ ([.to_direct, .to_stunnel] | map(if . then short else "-" end | left(8)) | add);
def heading: "    " + ("" | pad(36)) + ("IOPS" | left(8)) + ("range" | left(18)) + ("GB/s" | left(7))
	+ (["p50 us", "p99 us", "p99.9 us"] | map(left(9)) | add) + ("CPU us" | left(8)) + ("s/GB" | left(8))
	+ ("TCP = 1" | left(8)) + ("stunnel" | left(8));

# In the order in which they were measured.
def groups_by(f): reduce .[] as $one ({order: [], all: {}}; ($one | f | tojson) as $key
	| (if .all[$key] then . else .order += [$key] end) | .all[$key] += [$one]) | .all as $all | .order | map($all[.]);

. + {runs: $runs, seconds: $seconds, absent: $absent, samples: $samples,
	results: ($samples | groups_by([.path, .work, .arm]) | map(row
		| .to_direct = ratio_to($samples; "direct") | .to_stunnel = ratio_to($samples; "stunnel")))}
| .text = (["\(.stoq), Linux \(.kernel), \(.cpu), \(.cpus) CPUs, load \(.load)",
	"\(.runs) runs of \(.seconds) s each; medians; ratios are the medians of the ratios of runs next to each other;",
	"CPU: all processes of an arm, per command and per GB; the host's have one CPU, the target's another one"]
	+ [(.results | groups_by(.path)[] | "", (.[0].path | path_text), heading,
		(groups_by(.work)[] | "  " + (.[0].work | split(":") | "\(.[0]) \(.[1]), depth \(.[2])" + (if .[3] then ", at most \(.[3]) IOPS" else "" end)),
			(.[] | line)))]
	+ [""] + [.absent | to_entries[] | "not measured: \(.key): \(.value)"])
