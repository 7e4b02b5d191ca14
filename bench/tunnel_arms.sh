# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # those of lib.sh, samples.sh and bench/tunnel
# The two ends of bench/tunnel's path, and what carries NVMe/TCP over it. The host's processes have one CPU, the
# target's another one. Comes after bench/samples.sh.

far=stoq-bench-$$
host_nqn=nqn.2014-08.org.nvmexpress:stoq-peer-host # peer-load's default
absent={}
declare -A arm_ports arm_pids
arm_count=0
relay_pid=''
near_link='' far_link=''

# in_host COMMAND..., in_target COMMAND...: at that end of the path, on its CPU; exec, so that $! is the program.
in_host() {
	exec taskset -c "$load_cpu" "$@"
}
in_target() {
	exec ip netns exec "$far" taskset -c "$target_cpu" "$@"
}

make_namespaces() {
	ip netns add "$far" || skip "cannot make a named network namespace here"
	at_exit+=("ip netns del $far")
	ip -n "$far" link set lo up
	# Else a connection begins with what an earlier one has learnt of the path.
	echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save
	ip netns exec "$far" sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save'
	set_congestion_of_loopback
	in_target "$STOQ_BUILD/peer-target" --listen 0.0.0.0:4420 --size 256m >"$work/target.out" 2>"$work/target.err" &
	target_pid=$!
	pids+=("$target_pid")
	wait_for 10 grep -q listening "$work/target.out" || fail "peer-target does not start: $(cat "$work/target.err")"
}

# TCP's congestion control is Linux's default, cubic, whatever this machine's is. It is an attribute of routes, as a
# network namespace may choose only what the machine allows.
set_congestion_of_loopback() {
	local ip route
	for ip in "ip" "ip -n $far"; do
		for route in 127.0.0.0/8 127.0.0.1; do
			$ip route replace local "$route" dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic
		done
	done
}

# set_congestion NAME: of TCP on the path.
set_congestion() {
	ip route replace 192.0.2.0/24 dev "$near_link" proto kernel scope link src 192.0.2.1 congctl "$1"
	ip -n "$far" route replace 192.0.2.0/24 dev "$far_link" proto kernel scope link src 192.0.2.2 congctl "$1"
}

make_certificates() {
	pki=$work/pki
	{
		"$stoq" pki init --dir "$pki"
		"$stoq" pki issue target --dir "$pki" --dns target
		"$stoq" pki issue host --dir "$pki" --dns host --uri "$host_nqn"
	} >"$work/pki.out" 2>"$work/pki.err" || fail "stoq pki: $(cat "$work/pki.err")"
}

# ---- paths ----

make_veth() {
	ip link add b0 mtu "$1" type veth peer name b1 mtu "$1" netns "$far" || skip "this kernel has no veth"
	set_addresses b0 b1
}
drop_veth() {
	ip link del b0
}

set_addresses() {
	near_link=$1 far_link=$2
	ip addr add 192.0.2.1/24 dev "$1"
	ip -n "$far" addr add 192.0.2.2/24 dev "$2"
	ip link set "$1" up
	ip -n "$far" link set "$2" up
	set_congestion cubic
}

# The relay shares the CPUs with both ends, for all arms alike; its time is in no arm's account.
make_relay() {
	mkfifo "$work/relay.in"
	"$STOQ_BUILD/tun-relay" r0 /proc/self/ns/net r1 "/run/netns/$far" <"$work/relay.in" \
		>"$work/relay.out" 2>"$work/relay.err" &
	relay_pid=$!
	pids+=("$relay_pid")
	exec 4>"$work/relay.in"
	wait_for 10 grep -q ready "$work/relay.out" || skip "no tun interface can be made here: $(cat "$work/relay.err")"
	set_addresses r0 r1
}

# set_relay ROUND_TRIP_MS LOSS_PERCENT
set_relay() {
	local before
	before=$(grep -c '^set$' "$work/relay.out" || true)
	printf 'delay=%dus\nloss=%s\n' "$(jq -n "$1 * 500 | round")" "$2" >&4
	wait_for 10 relay_obeyed $((before + 2)) || fail "tun-relay: $(tail -n 2 "$work/relay.out")"
}
relay_obeyed() {
	[ "$(grep -c '^set$' "$work/relay.out")" -ge "$1" ]
}

# ---- arms ----

# An arm that this machine lacks is named with the reason.
is_absent() { # NAME REASON
	absent=$(jq -c --arg name "$1" --arg reason "$2" '. + {($name): $reason}' <<<"$absent")
}

find_absent_arms() {
	command -v stunnel >/dev/null || is_absent stunnel "there is no stunnel; on Debian: apt-get install stunnel4"
	if grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp 2>/dev/null; then
		is_absent "kernel TLS" "bench/tunnel has no arm for it"
	else
		is_absent "kernel TLS" "this kernel has no TLS (CONFIG_TLS)"
	fi
	if ip link add stoq-wg type wireguard 2>/dev/null; then
		ip link del stoq-wg
		is_absent WireGuard "bench/tunnel has no arm for it"
	else
		is_absent WireGuard "this kernel has no WireGuard (CONFIG_WIREGUARD)"
	fi
	ip route replace 203.0.113.0/24 dev lo congctl bbr 2>/dev/null ||
		is_absent direct:bbr "this kernel has no BBR for TCP (CONFIG_TCP_CONG_BBR)"
	is_absent "SPDK's TLS" "peer-load has no TLS, and SPDK's generator would be another load"
}

# present_of ARMS: without those that are absent.
present_of() {
	local arm
	for arm in $1; do
		[ "$(jq --arg arm "$arm" 'has($arm)' <<<"$absent")" = true ] || printf '%s ' "$arm"
	done
}

start_arms() {
	local arm
	for arm in $(present_of "$1"); do
		arm_count=$((arm_count + 1))
		case $arm in
		direct | direct:bbr) arm_ports[$arm]=192.0.2.2:4420 arm_pids[$arm]= ;;
		stunnel) start_stunnel $((20000 + arm_count)) ;;
		tunnel) start_tunnel tunnel $((20000 + arm_count)) ;;
		tunnel:*:*) start_tunnel_of "$arm" $((20000 + arm_count)) ;;
		*) fail "there is no arm '$arm' (bench/tunnel --help)" ;;
		esac
	done
}

stop_arms() {
	local pid
	# shellcheck disable=SC2048 # lists
	for pid in ${arm_pids[*]}; do
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	arm_pids=()
}

# started ARM PORT PID PID: notes an arm's two processes, and waits for the host's end.
started() {
	arm_pids[$1]="$3 $4"
	arm_ports[$1]=127.0.0.1:$2
	pids+=("$3" "$4")
	wait_for 10 listens tcp "$2" || fail "$1: $(cat "$work/$1".*.err)"
}
listens() {
	ss -Hln "--$1" "sport = :$2" | grep -q .
}
far_listens() {
	ip netns exec "$far" ss -Hln "--$1" "sport = :$2" | grep -q .
}

start_tunnel_of() {
	local arm=$1 port=$2 congestion lanes pacing
	local options=()
	IFS=: read -r _ congestion lanes pacing <<<"$arm"
	[ "$pacing" != unpaced ] || options=(--no-pacing)
	start_tunnel "$arm" "$port" --congestion "$congestion" --lanes "$lanes" "${options[@]}"
}

# start_tunnel ARM PORT OPTIONS...: of both ends. UDP port and the host's TCP port are the same.
start_tunnel() {
	local arm=$1 port=$2 listener
	shift 2
	in_target "$stoq" tunnel listen --listen "192.0.2.2:$port" --target 127.0.0.1:4420 \
		--certificates "$pki/nodes/target" "$@" >"$work/$arm.listen.err" 2>&1 &
	listener=$!
	wait_for 10 far_listens udp "$port" || fail "$arm: $(cat "$work/$arm.listen.err")"
	in_host "$stoq" tunnel connect --connect "192.0.2.2:$port" --name target --accept "127.0.0.1:$port" \
		--certificates "$pki/nodes/host" "$@" >"$work/$arm.connect.err" 2>&1 &
	started "$arm" "$port" "$listener" $!
}

# stunnel_config END PORT ACCEPT CONNECT NODE: with what the tunnel has: TLS 1.3, AES-128-GCM, both ends authenticated.
stunnel_config() {
	cat >"$work/stunnel-$1.conf" <<-TEXT
		foreground = yes
		pid =
		client = $([ "$1" = host ] && echo yes || echo no)
		sslVersion = TLSv1.3
		ciphersuites = TLS_AES_128_GCM_SHA256
		CAfile = $pki/nodes/$5/ca.pem
		cert = $pki/nodes/$5/cert.pem
		key = $pki/nodes/$5/key.pem
		verifyChain = yes
		socket = l:TCP_NODELAY=1
		socket = r:TCP_NODELAY=1
		[nvme]
		accept = $3
		connect = $4
	TEXT
}

start_stunnel() {
	local port=$1 listener
	stunnel_config target "$port" "192.0.2.2:$port" 127.0.0.1:4420 target
	stunnel_config host "$port" "127.0.0.1:$port" "192.0.2.2:$port" host
	in_target stunnel "$work/stunnel-target.conf" >"$work/stunnel.target.err" 2>&1 &
	listener=$!
	wait_for 10 far_listens tcp "$port" || fail "stunnel: $(cat "$work/stunnel.target.err")"
	in_host stunnel "$work/stunnel-host.conf" >"$work/stunnel.host.err" 2>&1 &
	started stunnel "$port" "$listener" $!
}

# ---- one run ----

# cpu_ms PID...: what these have used, user and system, all threads.
cpu_ms() {
	local pid sum=0 ticks
	for pid in "$@"; do
		ticks=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f12,13 | tr ' ' +)
		sum=$((sum + ticks))
	done
	echo $((sum * 1000 / $(getconf CLK_TCK)))
}

# sample_arm ARM KIND:SIZE:DEPTH[:IOPS]: one line of JSON. Latencies of a mixed load are those of the slower kind.
sample_arm() {
	local arm=$1 kind size depth rate share before after
	IFS=: read -r kind size depth rate <<<"$2"
	case $kind in
	read) share=100 ;;
	write) share=0 ;;
	mixed) share=50 ;;
	*) fail "$2: a workload is read, write or mixed (bench/tunnel --help)" ;;
	esac
	[ "$arm" != direct:bbr ] || set_congestion bbr
	# shellcheck disable=SC2086 # a list
	before=$(cpu_ms "$target_pid" ${arm_pids[$arm]})
	TIMEFORMAT='%U %S'
	{ time taskset -c "$load_cpu" "$STOQ_BUILD/peer-load" --connect "${arm_ports[$arm]}" --json --duration "${seconds}s" \
		--size "$size" --depth "$depth" --read-percent "$share" ${rate:+--rate "$rate"} \
		>"$work/load.json" 2>"$work/load.err"; } \
		2>"$work/load.time" || fail "$arm, $2: peer-load: $(cat "$work/load.err")"
	# shellcheck disable=SC2086 # a list
	after=$(cpu_ms "$target_pid" ${arm_pids[$arm]})
	[ "$arm" != direct:bbr ] || set_congestion cubic
	jq -c --argjson ms $((after - before)) --rawfile load "$work/load.time" '
		($load | split(" ") | map(tonumber) | add * 1000 + $ms) as $cpu_ms
		| [.opcodes[] | select(.kind == "io").latency_ns] as $latency
		| {iops, errors, gb_per_second: (.bytes / .seconds / 1e9),
			p50_us: ($latency | map(.p50) | max / 1e3), p99_us: ($latency | map(.p99) | max / 1e3),
			p99_9_us: ($latency | map(.p99_9) | max / 1e3), max_us: ($latency | map(.max) | max / 1e3),
			cpu_us_per_command: ($cpu_ms * 1e3 / .commands), cpu_seconds_per_gb: ($cpu_ms / 1e3 / (.bytes / 1e9))}' \
		"$work/load.json"
}
