# SPDX-License-Identifier: BSD-2-Clause
# Makes the demo's report.json. Three count the same commands: stoq watch on the wire, the
# driver (the kernel's tracepoint nvme_setup_cmd), the block layer (/sys/block/*/stat).

def words: split("\n") | map(select(length > 0) | split(" "));
def sum(f): map(f) | add // 0;

# Opcodes: 2 Read, 1 Write, 0 Flush, 8 Write Zeroes, 9 Dataset Management, 127 Fabrics.
def is_fabrics: . == 127;

# What stoq watch saw; statistics of several groups are summed, their latency is left out.
def seen(f):
	[$watch[0].groups[] | select(.identity | f)] |
	{
		commands: sum(.commands), bytes: sum(.bytes), errors: sum(.errors),
		latency_ns: (if length == 1 then .[0].latency_ns | del(.histogram) else null end)
	};

# The driver's lines are: queue, opcode, commands.
def built(f): [$driver | words[] | map(tonumber) | {qid: .[0], opcode: .[1], commands: .[2]} | select(f)] |
	sum(.commands);

# The block layer's requests as they were issued: flags, requests, bytes. Write Zeroes are N,
# or WZ in the newest kernels.
def issued_bytes(pattern): [$issued | words[] | select(.[0] | test(pattern)) | .[2] | tonumber] | add // 0;

# /sys/block/*/stat counts as writes: writes, Write Zeroes, and flushes without data, which
# are no write on the wire. The latter are the requests that were made without a sector.
def empty_flushes: [$empty | words[] | .[1] | tonumber] | add // 0;

($stat | [splits(" +")] | map(select(length > 0) | tonumber)) as $s |
built(.qid > 0 and .opcode == 8) as $write_zeroes |
issued_bytes("^(N|WZ)") as $write_zeroes_bytes |
{
	"2": {requests: $s[0], bytes: ($s[2] * 512)},
	"1": {requests: ($s[4] - $write_zeroes - empty_flushes), bytes: ($s[6] * 512 - $write_zeroes_bytes)},
	"0": {requests: $s[15], bytes: null},
	"9": {requests: $s[11], bytes: null}
} as $block |

def difference:
	. + {difference: {
		driver_commands: (.stoq.commands - .driver.commands),
		block_requests: (if .block then .stoq.commands - .block.requests else null end),
		block_bytes: (if .block.bytes then .stoq.bytes - .block.bytes else null end)
	}};
def io_row($opcode; $name):
	{
		name: $name, queue: "io", opcode: $opcode,
		stoq: seen(.queue == "io" and .opcode == $opcode),
		driver: {commands: built(.qid > 0 and .opcode == $opcode)},
		block: $block[$opcode | tostring]
	} | difference;

# Asynchronous Event Requests (12) wait for an event and do not end by themselves.
def other_rows:
	({
		name: "Fabrics", queue: null, opcode: 127,
		stoq: seen(.opcode != null and (.opcode | is_fabrics)),
		driver: {commands: built(.opcode | is_fabrics)}, block: null
	} | difference),
	({
		name: "admin", queue: "admin", opcode: null,
		stoq: seen(.queue == "admin" and (.opcode | is_fabrics | not) and .opcode != 12),
		driver: {commands: built(.qid == 0 and (.opcode | is_fabrics | not) and .opcode != 12)}, block: null
	} | difference);

# One entry a run: fio itself puts its jobs together.
def fio_job($run; $kind): {
	ios: [$run[0].jobs[][$kind].total_ios] | add,
	bytes: [$run[0].jobs[][$kind].io_bytes] | add,
	latency_ns: ([$run[0].jobs[][$kind].clat_ns | select(.N > 0)] | .[0] | {
		mean: (.mean | round), p50: .percentile."50.000000", p95: .percentile."95.000000",
		p99: .percentile."99.000000", max: .max
	})
};

([["Read", 2], ["Write", 1], ["Flush", 0], ["Dataset Management", 9], ["Write Zeroes", 8]] |
	map(io_row(.[1]; .[0]))) as $io |
[$driver | words[] | map(tonumber) | select(.[0] > 0 and ([.[1]] | inside([0, 1, 2, 8, 9, 127]) | not)) |
	io_row(.[1]; "opcode \(.[1])")] as $unusual |
($io + $unusual + [other_rows] | map(select(.stoq.commands + .driver.commands > 0))) as $rows |
{
	schema_version: 1,
	kernel: $kernel,
	accelerator: $accelerator,
	target: {kind: $target, reason: $reason},
	disk: $disk,
	opcodes: $rows,
	fio: {
		write: fio_job($fio_write; "write"),
		verify: fio_job($fio_verify; "read"),
		read: fio_job($fio_read; "read")
	},
	block_stat: {
		reads: $s[0], read_bytes: ($s[2] * 512), read_merges: $s[1],
		writes: $s[4], write_bytes: ($s[6] * 512), write_merges: $s[5],
		discards: $s[11], flushes: $s[15],
		write_zeroes: $write_zeroes, write_zeroes_bytes: $write_zeroes_bytes,
		empty_flushes: empty_flushes
	},
	watch: {
		attachment: $watch[0].attachment, flows: $watch[0].flows, statuses: $watch[0].statuses,
		since_start: $watch[0].since_start
	},
	tunnel: $tunnel[0],
	exact: ([$rows[].difference[] | select(. != null and . != 0)] == [])
}
