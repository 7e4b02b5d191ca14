# SPDX-License-Identifier: BSD-2-Clause
# The samples of one workload, in the order in which they were taken: its figures.
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def figures: {iops: (map(.iops) | median), iops_min: (map(.iops) | min),
	iops_max: (map(.iops) | max), p50_ns: (map(.p50_ns) | median), p99_ns: (map(.p99_ns) | median)};

map(select(.how == "without")) as $without
| map(select(.how == "with")) as $with
| map(select(.how == "guard")) as $guard
| (map(select(.how == "statistics")) | first) as $program
| [range($with | length) | $with[.].iops / $without[.].iops] as $ratios
| {
	name: $name,
	without: ($without | figures),
	with: ($with | figures),
	guard: ([range($guard | length) | $guard[.].iops / $without[.].iops] as $against
		| $guard | figures + {ratio: ($against | median), ratio_min: ($against | min),
			ratio_max: ($against | max)}),
	ratio: ($ratios | median), ratio_min: ($ratios | min), ratio_max: ($ratios | max),
	# Commands that the generator counts and stoq watch did not see; null where it counts none.
	missed: ($with | if all(.[]; .commands) then map(.commands - .seen) | add else null end),
	unsynced_bytes: ($with | map(.unsynced_bytes) | add),
	program: {
		runs: $program.runs,
		ns_per_packet: ($program.run_time_ns / $program.runs),
		ns_per_pdu: ($program.run_time_ns / $program.pdus),
		ns_per_command: ($program.run_time_ns / $program.commands),
		pdus_per_packet: ($program.pdus / $program.runs)
	},
	samples: .
}
