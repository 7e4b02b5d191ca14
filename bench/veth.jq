# SPDX-License-Identifier: BSD-2-Clause
# What bench/veth prints, from its JSON.
def left($n): . + " " * ([$n - length, 0] | max);
def right($n): tostring | " " * ([$n - length, 0] | max) + .;
def fixed($d): (. * pow(10; $d) | round) as $n
	| ($n / pow(10; $d) | floor | tostring)
	+ (if $d == 0 then "" else "." + (($n % pow(10; $d)) | tostring
		| "0" * ($d - length) + .) end);
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def how($how): .samples | map(select(.how == $how));
# Of each pair of runs, one after the other.
def ratios(f): how("guard") as $guard | how("without") as $without
	| [range($guard | length) | ($guard[.] | f) / ($without[.] | f)];
def spread: "\(median | fixed(2)) (\(min | fixed(2)) to \(max | fixed(2)))";
def exact($at): how("watch") | "\(map(select(.[$at])) | length) of \(length)";

"\(.cpu), \(.cpus) CPUs, Linux \(.kernel), \(.stoq), load average \(.load)",
"\(.runs) runs of \(.seconds) s of each kind; 4 queues, depth 16, 4 to 128 KiB, half of them reads; guard: strict, 1,000 rules",
"",
("over veth" | left(34)) + ("exact, target" | right(14)) + ("exact, host" | right(12))
	+ ("IOPS" | right(8)) + ("strict / without" | right(22)) + ("p99.9 of writes" | right(17))
	+ ("strict / without" | right(22)) + ("dropped" | right(9)),
(.paths[] | (.name | left(34)) + (exact("near") | right(14)) + (exact("far") | right(12))
	+ (how("without") | map(.iops) | median | round | right(8))
	+ (ratios(.iops) | spread | right(22))
	+ ((how("without") | map(.writes.p99_9) | median / 1000000 | fixed(1)) + " ms" | right(17))
	+ (ratios(.writes.p99_9) | spread | right(22))
	+ (how("guard") | map(.dropped) | add | right(9)))
