# SPDX-License-Identifier: BSD-2-Clause
# The machine, and $samples of bench/transport, to medians, ratios and the lines that show them.
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def known: map(select(. != null));
def fixed: . * 100 | round / 100 | tostring;
def pad($width): . + (" " * ([$width - length, 0] | max));
def left($width): (" " * ([$width - length, 0] | max)) + .;

# What a line is compared with: TCP doing the same.
def reference: if startswith("64-byte") then sub("STOQ"; "TCP") else "TCP, plaintext (iperf3)" end;

. + {runs: $runs, seconds: $seconds, samples: $samples,
	results: ($samples | group_by([.mtu, .name]) | map({
		mtu: .[0].mtu, name: .[0].name, unit: .[0].unit,
		median: (map(.value) | median), least: (map(.value) | min), most: (map(.value) | max),
		client_cpu: (map(.client_cpu) | known | if length > 0 then median else null end),
		server_cpu: (map(.server_cpu) | known | if length > 0 then median else null end)}))}
| .results as $all
| .results |= map(. as $one
	| ([$all[] | select(.mtu == $one.mtu and .name == ($one.name | reference)) | .median][0])
		as $base
	| if $base then . + {ratio: (.median / $base)} else . end)
| .text = (["\(.stoq), Linux \(.kernel), \(.cpu), \(.cpus) CPUs, load \(.load)",
	"median of \(.runs) runs of \(.seconds) s; ratio: to TCP in the same runs"]
	+ [(.results | group_by(.mtu)[] | "", "MTU \(.[0].mtu)",
		("  " + ("" | pad(34)) + ("median" | left(8)) + "          " + ("range" | left(17))
			+ ("ratio" | left(8)) + ("CPU client/server %" | left(22))),
		(sort_by(.unit, .name)[]
			| "  " + (.name | pad(34)) + (.median | fixed | left(8)) + " " + (.unit | pad(9))
			+ ("\(.least | fixed) to \(.most | fixed)" | left(17))
			+ ((if .ratio then .ratio | fixed else "-" end) | left(8))
			+ ((if .client_cpu then "\(.client_cpu | round)/\(.server_cpu | round)" else "-" end)
				| left(22))))])
