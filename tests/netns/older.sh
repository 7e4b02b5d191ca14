# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the tests of connections that are older than a program share, besides lib.sh or guard.sh: several hosts
# at one address, and a stand-in for SPDK that knows which is which.

# start_hosts N OPTIONS...: N hosts, nqn.2014-08.org.example:host1 and so on, connected and paused. Orders go to
# the descriptors in host_orders, process ids are in host_pids.
host_orders=()
host_pids=()
start_hosts() {
	local count=$1 i fd
	shift
	for ((i = 1; i <= count; i++)); do
		mkfifo "$work/orders.$i"
		: >"$work/host$i.json"
		"$STOQ_BUILD/peer-load" --control --json --host-nqn "nqn.2014-08.org.example:host$i" "$@" \
			<"$work/orders.$i" >"$work/host$i.json" 2>"$work/host$i.err" &
		host_pids[i]=$!
		pids+=($!)
		exec {fd}>"$work/orders.$i"
		host_orders[i]=$fd
	done
	for ((i = 1; i <= count; i++)); do
		wait_for 60 grep -q . "$work/host$i.json" || fail "host $i does not connect: $(cat "$work/host$i.err")"
	done
}

# order_hosts ORDER: to all of them.
order_hosts() {
	local fd
	for fd in "${host_orders[@]}"; do
		echo "$1" >&"$fd"
	done
}

# end_hosts: their last figures are in $work/hostN.json.
end_hosts() {
	local i
	order_hosts quit
	for i in "${!host_pids[@]}"; do
		wait "${host_pids[i]}" || fail "host $i: $(cat "$work/host$i.err")"
	done
}

# queues_of PID PORT: the ports of its connections to a controller's port, in the order in which they were made.
queues_of() {
	ss -Htnp state established "dport = :$2" | grep "pid=$1," |
		sed -E 's/.*:([0-9]+) +[^ ]+:[0-9]+ .*fd=([0-9]+).*/\2 \1/' | sort -n | cut -d' ' -f2
}

# answer_for SUBSYSTEM ADDRESS PORT: what SPDK would say of the hosts, into $work/rpc.d.
answer_for() {
	local i port qid queues='' controllers=''
	mkdir -p "$work/rpc.d"
	for i in "${!host_pids[@]}"; do
		qid=0
		controllers+=",{\"cntlid\": $i, \"hostnqn\": \"nqn.2014-08.org.example:host$i\"}"
		for port in $(queues_of "${host_pids[i]}" "$3"); do
			queues+=",{\"cntlid\": $i, \"qid\": $qid,
				\"listen_address\": {\"trtype\": \"TCP\", \"traddr\": \"$2\", \"trsvcid\": \"$3\"},
				\"peer_address\": {\"trtype\": \"TCP\", \"traddr\": \"$2\", \"trsvcid\": \"$port\"}}"
			qid=$((qid + 1))
		done
		[ $qid -gt 0 ] || fail "host $i has no connections"
	done
	echo "[{\"nqn\": \"$1\"}]" >"$work/rpc.d/nvmf_get_subsystems"
	echo "[${queues#,}]" >"$work/rpc.d/nvmf_subsystem_get_qpairs"
	echo "[${controllers#,}]" >"$work/rpc.d/nvmf_subsystem_get_controllers"
}

# start_rpc SOCKET [FOLDER]: see rpc-stand-in.
rpc_pid=
start_rpc() {
	: >"$work/rpc.out"
	"$netns_dir/rpc-stand-in" "$@" >"$work/rpc.out" 2>"$work/rpc.err" &
	rpc_pid=$!
	pids+=($!)
	wait_for 60 grep -q listening "$work/rpc.out" || fail "the stand-in for SPDK does not listen"
}
