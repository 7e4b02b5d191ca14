# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # those of lib.sh
# How bench/run takes one sample. It comes after tests/netns/lib.sh and bench/run's options.

nqn=nqn.2014-08.org.nvmexpress:stoq-bench
target_cpu=
load_cpu=

progress() {
	[ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2
}

# Target and generator spin on a CPU each, the first two that may be used. Where there are more,
# stoq watch gets another one.
find_cpus() {
	local cpus=()
	mapfile -t cpus < <(taskset -pc $$ | sed 's/.*: *//' | tr ',' '\n' |
		awk -F- '{ for (i = $1; i <= (NF > 1 ? $2 : $1); i++) print i }')
	[ ${#cpus[@]} -ge 2 ] || skip "needs two CPUs, one for the target, one for the generator"
	target_cpu=${cpus[0]}
	load_cpu=${cpus[1]}
	[ ${#cpus[@]} -lt 3 ] ||
		taskset -pc "$(IFS=,; echo "${cpus[*]:2}")" $$ >/dev/null
}

machine() {
	jq -n --arg kernel "$(uname -r)" \
		--arg cpu "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" \
		--argjson cpus "$(nproc --all)" \
		--arg load "$(cut -d' ' -f1 /proc/loadavg)" \
		--arg stoq "$("$stoq" --version)" '$ARGS.named'
}

# ---- the two kinds of targets and generators ----

start_peer_target() {
	start_target --listen 127.0.0.1:4420 --spin --size 256m
	taskset -apc "$target_cpu" "$target_pid" >/dev/null
}
stop_peer_target() {
	stop_target
}

# One line: {iops, p50_ns, p99_ns, commands}; all commands of the session in commands.
run_peer() {
	taskset -c "$load_cpu" "$STOQ_BUILD/peer-load" --connect 127.0.0.1:4420 --spin --json \
		--duration "${seconds}s" "$@" >"$work/load.json" 2>"$work/load.err" ||
		fail "peer-load: $(cat "$work/load.err")"
	jq -c '{iops, commands: ([.opcodes[].commands] | add)}
		+ (.opcodes[] | select(.kind == "io").latency_ns | {p50_ns: .p50, p99_ns: .p99})' \
		"$work/load.json"
}

find_spdk() {
	spdk_perf=$SPDK_DIR/build/bin/spdk_nvme_perf
	[ -x "$spdk_perf" ] || fail "there is no $spdk_perf: build SPDK in SPDK_DIR"
}

start_spdk_target() {
	"$stoq" target start --spdk --run-dir "$work/run" --nqn "$nqn" --namespace malloc:256M \
		--core-mask "[$target_cpu]" >"$work/target.out" 2>"$work/target.err" ||
		fail "stoq target start: $(cat "$work/target.err")"
	at_exit=(stop_spdk_target)
}
stop_spdk_target() {
	"$stoq" target stop --run-dir "$work/run" >/dev/null
	at_exit=()
}

# spdk_nvme_perf prints a total, and with -LL a cumulative histogram in us.
run_spdk() {
	"$spdk_perf" -c "[$load_cpu]" -t "$seconds" -s 256 --no-huge -L \
		-r "trtype:TCP adrfam:IPv4 traddr:127.0.0.1 trsvcid:4420 subnqn:$nqn" "$@" \
		>"$work/perf.out" 2>"$work/perf.err" || fail "spdk_nvme_perf: $(tail -n 3 "$work/perf.err")"
	awk '$1 == "Total" && $2 == ":" { iops = $3 }
		$1 == "50.00000%" { p50 = $3 * 1000 }
		$1 == "99.00000%" { p99 = $3 * 1000 }
		END { printf "{\"iops\":%s,\"p50_ns\":%d,\"p99_ns\":%d,\"commands\":null}\n", iops, p50, p99 }' \
		"$work/perf.out"
}

# ---- with and without ----

# sample KIND HOW OPTIONS...: one line of JSON. HOW: without, with, guard (with that, and a policy of
# 1,000 rules), or statistics (with, and with the kernel's statistics of BPF programs on).
sample() {
	local kind=$1 how=$2
	shift 2
	case $how in
	without) "run_$kind" "$@" | jq -c '. + {how: "without"}' ;;
	with) sample_with "$kind" "$@" | jq -c '. + {how: "with"}' ;;
	guard) sample_guard "$kind" "$@" | jq -c '. + {how: "guard"}' ;;
	statistics) sample_statistics "$kind" "$@" | jq -c '. + {how: "statistics"}' ;;
	esac
}

# What stoq watch saw, beside what the generator did.
sample_with() {
	local kind=$1
	shift
	start_watch watch -i lo --interval 1s
	"run_$kind" "$@" >"$work/run.json"
	stop_watch watch "$watch_pid"
	jq -c --slurpfile run "$work/run.json" '$run[0] + {
		seen: .overall.commands,
		pdus: .since_start.pdus,
		unsynced_bytes: .since_start.unsynced_bytes}' <(summary watch)
}

sample_guard() {
	local kind=$1
	shift
	"$stoq" guard on -i lo "$work/policy.yaml" >"$work/guard.out" 2>&1 ||
		fail "stoq guard on: $(cat "$work/guard.out")"
	at_exit+=("$stoq guard off")
	"run_$kind" "$@"
	unset 'at_exit[-1]'
	"$stoq" guard off >"$work/guard.out" 2>&1 || fail "stoq guard off: $(cat "$work/guard.out")"
}

# The run time and the runs of the program that the watch holds, from the kernel.
program_statistics() {
	sed -nE 's/^prog_id:\s*//p' /proc/"$watch_pid"/fdinfo/* | sort -u | while read -r id; do
		bpftool -j prog show id "$id"
	done | jq -sc '{run_time_ns: (map(.run_time_ns // 0) | add),
		runs: (map(.run_cnt // 0) | add)}'
}

sample_statistics() {
	local kind=$1 before
	shift
	before=$(cat /proc/sys/kernel/bpf_stats_enabled)
	at_exit+=("restore_statistics $before")
	echo 1 >/proc/sys/kernel/bpf_stats_enabled
	start_watch watch -i lo --interval 1s
	"run_$kind" "$@" >"$work/run.json"
	program_statistics >"$work/program.json"
	restore_statistics "$before"
	stop_watch watch "$watch_pid"
	jq -c --slurpfile program "$work/program.json" '$program[0] + {
		pdus: .since_start.pdus,
		commands: .overall.commands,
		packets: .since_start.counters.packets}' <(summary watch)
}

restore_statistics() {
	echo "$1" >/proc/sys/kernel/bpf_stats_enabled
}
