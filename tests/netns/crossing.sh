# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A path between two ends, for tests/netns/reorder and bench/veth: the target's end is interface t1 of this namespace,
# 192.0.2.2, the host's is h1 of namespace $host, 192.0.2.1. Between them a tc program (reorder.bpf.c) does to packets
# what a network may. Sourced after lib.sh.

host=stoq-host-$$
middle=stoq-middle-$$

# make_path: the namespaces and interfaces.
make_path() {
	local name
	for name in $host $middle; do
		ip netns add $name || skip "cannot make a named network namespace here"
		at_exit+=("ip netns del $name")
	done
	ip -n $middle link add m1 type veth peer name h1 netns $host || skip "this kernel has no veth"
	ip link add t1 type veth peer name m2 netns $middle
	ip addr add 192.0.2.2/24 dev t1
	ip -n $host addr add 192.0.2.1/24 dev h1
	ip link set t1 up
	ip -n $host link set h1 up
	ip -n $middle link set m1 up
	ip -n $middle link set m2 up
	# The neighbours, so that no lost ARP packet stops it all.
	ip neigh add 192.0.2.1 lladdr "$(ip -n $host -j link show h1 | jq -r '.[0].address')" dev t1 nud permanent
	ip -n $host neigh add 192.0.2.2 lladdr "$(ip -j link show t1 | jq -r '.[0].address')" dev h1 nud permanent
}

index() {
	ip -n $middle -j link show "$1" | jq '.[0].ifindex'
}

# With the mounts of this process: `tc -n` would look for a BPF file system of that namespace.
in_middle() {
	nsenter --net=/run/netns/$middle "$@"
}

# cross LATE TWICE LOST: what happens to a million packets, in each direction.
cross() {
	local in out
	for in in m1 m2; do
		out=$([ $in = m1 ] && echo m2 || echo m1)
		clang -O2 -target bpf -idirafter "/usr/include/$(uname -m)-linux-gnu" -DOUT="$(index $out)" \
			-DLATE_PPM="$1" -DTWICE_PPM="$2" -DLOSS_PPM="$3" -c "$netns_dir/reorder.bpf.c" -o "$work/$in.o"
		in_middle tc qdisc del dev $in clsact 2>/dev/null || true
		in_middle tc qdisc add dev $in clsact
		in_middle tc filter add dev $in ingress bpf da obj "$work/$in.o" sec classifier
	done
}

# shape_path MTU OFFLOADS: of all interfaces. Offloads: on or off; what a kernel cannot switch stays as it is.
shape_path() {
	local place
	for place in self/t1 $host/h1 $middle/m1 $middle/m2; do
		local interface=${place#*/} at=(ip netns exec "${place%/*}")
		[ "${place%/*}" != self ] || at=()
		"${at[@]}" ip link set "$interface" mtu "$1"
		"${at[@]}" ethtool -K "$interface" tso "$2" gso "$2" gro "$2" >/dev/null 2>&1 || true
	done
}
