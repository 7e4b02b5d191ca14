# SPDX-License-Identifier: BSD-2-Clause
# What bench/run prints, from its JSON.
def left($n): . + " " * ([$n - length, 0] | max);
def right($n): tostring | " " * ([$n - length, 0] | max) + .;
def fixed($d): (. * pow(10; $d) | round) as $n
	| ($n / pow(10; $d) | floor | tostring)
	+ (if $d == 0 then "" else "." + (($n % pow(10; $d)) | tostring
		| "0" * ($d - length) + .) end);
def us: . / 1000 | fixed(1);
def percent: (. - 1) * 100 | (if . < 0 then "-" else "+" end) + (fabs | fixed(1)) + " %";

"\(.cpu), \(.cpus) CPUs, Linux \(.kernel), \(.stoq), load average \(.load)",
"\(.pairs) pairs of \(.seconds) s each, on lo; medians; the ratio is the median of the pairs\u0027 ratios",
"",
("stoq watch" | left(36)) + ("without" | right(10)) + ("with" | right(10))
	+ ("IOPS" | right(9)) + ("min" | right(9)) + ("max" | right(9))
	+ ("p50 us" | right(15)) + ("p99 us" | right(20)) + ("missed" | right(8)),
(.workloads[] | (.name | left(36))
	+ (.without.iops | round | right(10)) + (.with.iops | round | right(10))
	+ (.ratio | percent | right(9)) + (.ratio_min | percent | right(9))
	+ (.ratio_max | percent | right(9))
	+ ("\(.without.p50_ns | us) > \(.with.p50_ns | us)" | right(15))
	+ ("\(.without.p99_ns | us) > \(.with.p99_ns | us)" | right(20))
	+ (.missed // "-" | right(8))),
"",
("stoq guard, 1,000 rules" | left(36)) + ("without" | right(10)) + ("with" | right(10))
	+ ("IOPS" | right(9)) + ("min" | right(9)) + ("max" | right(9)) + ("p50 us" | right(15)),
(.workloads[] | (.name | left(36))
	+ (.without.iops | round | right(10)) + (.guard.iops | round | right(10))
	+ (.guard.ratio | percent | right(9)) + (.guard.ratio_min | percent | right(9))
	+ (.guard.ratio_max | percent | right(9))
	+ ("\(.without.p50_ns | us) > \(.guard.p50_ns | us)" | right(15))),
"",
("time in the program" | left(36)) + ("per PDU" | right(10)) + ("packet" | right(10))
	+ ("command" | right(10)) + ("PDUs per packet" | right(18)) + "  (ns)",
(.workloads[] | (.name | left(36))
	+ (.program.ns_per_pdu | round | right(10)) + (.program.ns_per_packet | round | right(10))
	+ (.program.ns_per_command | round | right(10))
	+ (.program.pdus_per_packet | fixed(1) | right(18)))
,
(select(.xdp_filter | length > 0) | "",
	("XDP, BPF_PROG_TEST_RUN" | left(36)) + ("ns" | right(10)) + ("min" | right(10))
		+ ("less loop" | right(11)) + ("Mpps" | right(10)),
	(.xdp_filter[0].ns_min as $loop | .xdp_filter[]
		| ("\(.program): \(.case)" | left(36)) + (.ns_mean | fixed(1) | right(10))
		+ (.ns_min | fixed(1) | right(10)) + (.ns_min - $loop | fixed(1) | right(11))
		+ (.mpps_mean | fixed(2) | right(10)))),
(select(.guard_program | length > 0) | "",
	("BPF_PROG_TEST_RUN, 32 in a packet" | left(36)) + ("ns per command" | right(16))
		+ ("beyond watch" | right(14)),
	(.guard_program[] | (.case | left(36)) + (.ns_per_command | fixed(1) | right(16))
		+ (.ns_beyond_watch | fixed(1) | right(14))))
