# SPDX-License-Identifier: BSD-2-Clause
# What bench/turns prints, from its JSON. A ratio is that of two turns of one round. The range is where the median of all rounds lies
# with 95 %: the order statistics at n/2 -+ 0.98 sqrt(n), by the normal approximation of the binomial distribution.
def left($n): . + " " * ([$n - length, 0] | max);
def right($n): tostring | " " * ([$n - length, 0] | max) + .;
def fixed($d): (. * pow(10; $d) | round) as $n
	| ($n / pow(10; $d) | floor | tostring)
	+ (if $d == 0 then "" else "." + (($n % pow(10; $d)) | tostring
		| "0" * ($d - length) + .) end);
def percent: (. - 1) * 100 | (if . < 0 then "-" else "+" end) + (fabs | fixed(1));
def median: sort | if length % 2 == 1 then .[length / 2 | floor]
	else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def interval: sort | length as $n | (0.98 * ($n | sqrt)) as $d
	| [.[[$n / 2 - $d | floor, 0] | max], .[[$n / 2 + $d | ceil, $n - 1] | min]];
def ratio($arm; $base): [.rounds[] | select(.[$base] > 0) | .[$arm] / .[$base]]
	| (median | percent) + " [" + (interval | map(percent) | join(", ")) + "]";

"\(.cpu), \(.cpus) CPUs, Linux \(.kernel), \(.stoq), load average \(.load)",
"\(.workloads[0].rounds | length) rounds of turns of \(.turn_ms) ms, on lo; bytes that passed; medians, and in brackets where they lie with 95 %",
"",
("in percent" | left(34)) + ("MB/s" | right(7)) + ("empty program" | right(22)) + ("watch" | right(22))
	+ ("watch beyond empty" | right(22)) + ("guard, 1,000 rules" | right(22)),
(.workloads[] | (.name | left(34)) + ([.rounds[].none] | median / 1e6 | fixed(0) | right(7))
	+ (ratio("empty"; "none") | right(22)) + (ratio("watch"; "none") | right(22))
	+ (ratio("watch"; "empty") | right(22)) + (ratio("guard"; "none") | right(22)))
