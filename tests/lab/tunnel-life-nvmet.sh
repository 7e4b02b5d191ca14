# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The kernel's target for guest-tunnel-life: in a network namespace, with four veths to it. Two are paths of the direct arm; the
# others are the tunnels', and their target listens on its own loopback.
nvmet=/sys/kernel/config/nvmet
in_storage=(nsenter --net=/run/netns/storage) # unlike ip netns exec, this leaves /sys as it is, with configfs
declare -A nvmet_port=([direct1]=11 [direct2]=12 [tunnel1]=21 [tunnel2]=22)
declare -A nvmet_at=([direct1]=10.7.1.2:4420 [direct2]=10.7.2.2:4420 [tunnel1]=127.0.0.1:4421 [tunnel2]=127.0.0.1:4422)
declare -A listen_pid
pki=$work/pki

medium() { # NSID
	echo "$work/$arm-medium-$1"
}

# ---- verbs that the steps use; $arm is whose target it is ----

target_resize() { # NSID MIB
	truncate -s "$2M" "$(medium "$1")"
	echo 1 >"$(subsystem)/namespaces/$1/revalidate_size"
}

target_shrinks() {
	true
}

target_add_namespace() { # NSID MIB
	local namespace
	namespace=$(subsystem)/namespaces/$1
	truncate -s "$2M" "$(medium "$1")"
	mkdir "$namespace"
	# tmpfs has no direct I/O before 6.6.
	echo 1 >"$namespace/buffered_io"
	medium "$1" >"$namespace/device_path"
	echo 1 >"$namespace/enable"
}

target_remove_namespace() { # NSID
	echo 0 >"$(subsystem)/namespaces/$1/enable"
	rmdir "$(subsystem)/namespaces/$1"
}

target_ana() { # PATH STATE
	echo "$2" >"$nvmet/ports/${nvmet_port[$arm$1]}/ana_groups/1/ana_state"
}

target_attach() { # PATH [NQN]
	"${in_storage[@]}" ln -s "$nvmet/subsystems/${2-$nqn}" "$nvmet/ports/${nvmet_port[$arm$1]}/subsystems/"
}

target_detach() { # PATH [NQN]
	rm "$nvmet/ports/${nvmet_port[$arm$1]}/subsystems/${2-$nqn}"
}

# Another subsystem on a port, empty.
target_add_subsystem() { # PATH
	mkdir "$nvmet/subsystems/$nqn:second"
	echo 1 >"$nvmet/subsystems/$nqn:second/attr_allow_any_host"
	target_attach "$1" "$nqn:second"
}

target_remove_subsystem() { # PATH
	target_detach "$1" "$nqn:second"
	rmdir "$nvmet/subsystems/$nqn:second"
}

target_allow() { # any, or host NQNs
	local host
	for host in "$(subsystem)"/allowed_hosts/*; do
		[[ ! -e $host ]] || rm "$host"
	done
	if [[ $1 == any ]]; then
		echo 1 >"$(subsystem)/attr_allow_any_host"
		return
	fi
	echo 0 >"$(subsystem)/attr_allow_any_host"
	for host; do
		mkdir -p "$nvmet/hosts/$host"
		ln -s "$nvmet/hosts/$host" "$(subsystem)/allowed_hosts/"
	done
}

# Kernels may lack it: returns 1.
target_secret() { # HOST-NQN SECRET
	mkdir -p "$nvmet/hosts/$1"
	[[ -e $nvmet/hosts/$1/dhchap_key ]] && echo "$2" >"$nvmet/hosts/$1/dhchap_key"
}

# The same. Newer ones end the subsystem's controllers then, and hosts connect again.
target_queues() { # N
	[[ -e $(subsystem)/attr_qid_max ]] && echo "$1" >"$(subsystem)/attr_qid_max"
}

# How often the target has ended a controller of this number because it heard nothing of its host.
target_expiries() { # CNTLID
	dmesg | grep -c "ctrl $1 keep-alive timer.*expired"
}

# TCP connections that the target of this arm has.
target_connections() {
	local at
	for at in "${nvmet_at[${arm}1]}" "${nvmet_at[${arm}2]}"; do
		"${in_storage[@]}" ss -Htn state established src "$at"
	done | wc -l
}

# ---- the tunnel's target ends ----

start_listen() { # PATH
	"${in_storage[@]}" "$STOQ" tunnel listen --listen "$(quic_at "$1")" --target "${nvmet_at[tunnel$1]}" \
		--certificates "$pki/nodes/storage" >>$work/ends.log 2>&1 &
	listen_pid[$1]=$!
}

quic_at() { # PATH
	echo "10.7.$((2 + $1)).2"
}

signal_listen() { # SIGNAL PATH
	kill "-$1" "${listen_pid[$2]}"
}

# ---- setting up ----

subsystem() {
	echo "$nvmet/subsystems/$nqn"
}

make_veth() { # N
	ip link add "host$1" type veth peer name "far$1" netns storage
	ip addr add "10.7.$1.1/24" dev "host$1"
	ip -n storage addr add "10.7.$1.2/24" dev "far$1"
	ip link set "host$1" up
	ip -n storage link set "far$1" up
}

make_port() { # PATH
	local port=$nvmet/ports/${nvmet_port[$arm$1]} at=${nvmet_at[$arm$1]}
	mkdir "$port"
	echo tcp >"$port/addr_trtype"
	echo ipv4 >"$port/addr_adrfam"
	echo "${at%:*}" >"$port/addr_traddr"
	echo "${at#*:}" >"$port/addr_trsvcid"
	target_attach "$1"
}

prepare_targets() {
	local i
	modprobe veth || fail "no veth"
	ip netns add storage
	ip -n storage link set lo up
	for i in 1 2 3 4; do
		make_veth $i
	done
	for arm in direct tunnel; do
		name_arm
		mkdir "$(subsystem)"
		echo life >"$(subsystem)/attr_serial"
		target_allow any
		target_add_namespace 1 32
		make_port 1
		make_port 2
	done
}

# Where the host connects to.
direct_at() { # PATH
	echo "${nvmet_at[direct$1]}"
}
