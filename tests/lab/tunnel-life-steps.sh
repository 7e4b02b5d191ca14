# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The steps of guest-tunnel-life, and how they look at the host. $arm is direct or tunnel; $work/$arm.seen gets their notes.
keep_alive=5 # seconds

host_nqn() { # ARM
	echo "nqn.2026-01.io.example:life-$1"
}

name_arm() {
	nqn=nqn.2026-01.io.example:$arm
	host=$(host_nqn $arm)
	host_id=00000000-0000-0000-0000-$([[ $arm == direct ]] && echo 00000000000d || echo 00000000000e)
}

# ---- notes ----

begin() {
	step=$1
	echo "$SECONDS s, $arm: $step" >&3
}

# note WHAT: names that differ between the arms are taken out.
note() {
	local text=${*//$nqn/SUBSYSTEM} path
	text=${text//$host/HOST}
	for path in 1 2; do
		text=${text//$(at $path)/PATH$path}
	done
	echo "$step: $text" | sed -E 's/nvme[0-9]+(c[0-9]+)?(n[0-9]+)?/nvmeX/g' | tee -a "$work/$arm.seen"
}

lost() {
	note "FAILED: $*"
	exit 1
}

must() {
	"$@" || lost "$* (exit code $?)"
}

# until_true SECONDS COMMAND...: the time is generous, the machine is emulated.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || lost "$* (it did not become true)"
		read -rt 0.1 <>"$work/nothing"
	done
}

# outcome COMMAND...: notes what it prints and its exit code.
outcome() {
	local code=0 text
	text=$("$@" 2>&1) || code=$?
	note "$*: $code: ${text//$'\n'/; }"
}

# ---- the host ----

at() { # PATH: where the host connects to
	if [[ $arm == direct ]]; then direct_at "$1"; else echo "127.0.0.1:442$1"; fi
}

# In an emulated guest processes are slow, so what is asked often uses none: results are in $found.
find_controller() { # PATH [NQN]: nvmeN
	local entry name where
	where=$(at "$1")
	for entry in /sys/class/nvme/nvme*; do
		{ read -r name <"$entry/subsysnqn" && read -r found <"$entry/address"; } 2>/dev/null || continue
		[[ $name == "${2-$nqn}" && $found, == *"traddr=${where%:*},trsvcid=${where#*:},"* ]] || continue
		found=${entry##*/}
		return
	done
	return 1
}

controller() { # PATH [NQN]
	find_controller "$@" && echo "$found"
}

find_state() { # PATH [NQN]
	if ! find_controller "$@" || ! read -r found 2>/dev/null <"/sys/class/nvme/$found/state"; then found=gone; fi
}

state() { # PATH
	find_state "$1" && echo "$found"
}

attribute() { # PATH NAME
	cat "/sys/class/nvme/$(controller "$1")/$2"
}

is_live() { find_state "$1" && [[ $found == live ]]; }
is_not_live() { ! is_live "$1"; }
is_gone() { find_state "$1" && [[ $found == gone ]]; }

find_disk() { # NSID: nvmeNnM
	local entry name nsid
	for entry in /sys/class/nvme-subsystem/*/nvme*n*; do
		[[ ${entry##*/} != *c* ]] || continue
		{ read -r name <"${entry%/*}/subsysnqn" && read -r nsid <"$entry/nsid"; } 2>/dev/null || continue
		[[ $name == "$nqn" && $nsid == "$1" && -b /dev/${entry##*/} ]] || continue
		found=${entry##*/}
		return
	done
	return 1
}

disk() { # NSID
	find_disk "$1" && echo "/dev/$found"
}

has_no_disk() { ! find_disk "$1"; }
mib() { # NSID
	local sectors
	find_disk "$1" && read -r sectors <"/sys/block/$found/size" && echo $((sectors / 2048))
}
is_mib() { [[ $(mib "$1") == "$2" ]]; }

try_connect() { # PATH OPTIONS...
	local where
	where=$(at "$1")
	shift
	nvme connect -t tcp -a "${where%:*}" -s "${where#*:}" -n "$nqn" -q "$host" -I "$host_id" -i 2 --keep-alive-tmo $keep_alive \
		--reconnect-delay 1 "$@"
}

connect() { # PATH OPTIONS...
	must try_connect "$@" >/dev/null
	until_true 30 is_live "$1"
	until_true 30 find_disk 1
}

disconnect() {
	must nvme disconnect -n "$nqn"
	until_true 30 is_gone 1
	until_true 30 is_gone 2
	until_true 30 has_no_disk 1
	until_true 30 target_is_idle
	note "disconnected, and the target has no connection"
}

target_is_idle() { [[ $(target_connections) == 0 ]]; }

# ---- data ----

# check_io NSID [MIB]: new data are at the medium, and are read as they are; large and small, at this offset.
check_io() {
	local name offset=${2-0}
	name=$(disk "$1") || lost "no disk $1"
	head -c 1M /dev/urandom >"$work/$arm.data"
	must dd if="$work/$arm.data" of="$name" bs=256k seek="${offset}M" oflag=direct,seek_bytes conv=notrunc status=none
	must dd if="$work/$arm.data" of="$name" bs=4k count=16 seek="${offset}M" oflag=direct,seek_bytes conv=notrunc status=none
	must cmp -n 1M --ignore-initial=0:$((offset << 20)) "$work/$arm.data" "$(medium "$1")"
	dd if="$name" bs=64k count=16 skip="${offset}M" iflag=direct,skip_bytes status=none | must cmp - "$work/$arm.data"
	note "disk $1: what was written is at the medium, and read"
}

# fio in two sizes, the larger with R2T; both verify what they have written.
start_fio() {
	fio --filename="$(disk 1)" --rw=randwrite --direct=1 --ioengine=libaio --iodepth=8 --verify=crc32c --verify_fatal=1 \
		--verify_backlog=32 --time_based --runtime=600 --size=6m --output-format=json --output="$work/$arm.fio" \
		--name=small --bs=4k --offset=4m --name=large --bs=64k --offset=12m &
	fio=$!
	has_progress 20
}

# Reads and writes of all paths that have ended.
count_ended() {
	local entry name reads writes sum=0
	for entry in /sys/class/nvme-subsystem/*/nvme*/nvme*n*/stat; do
		read -r name 2>/dev/null <"${entry%/*/*/*}/subsysnqn" && [[ $name == "$nqn" ]] || continue
		read -r reads _ _ _ writes _ 2>/dev/null <"$entry" && sum=$((sum + reads + writes))
	done
	found=$sum
}

has_ended() {
	count_ended
	((found >= $1))
}

has_progress() { # COUNT
	count_ended
	until_true 60 has_ended $((found + $1))
}

goes_on() {
	has_progress 20
	kill -0 $fio 2>/dev/null || lost "fio has ended: $(tail -n 30 "$work/$arm.fio")"
	note "$*"
}

fio_errors() {
	sed -n '/^{/,$p' "$work/$arm.fio" | jq -c '[.jobs[].error]'
}

end_fio() {
	local code=0
	kill -INT $fio
	wait $fio || code=$?
	# 128: after a signal.
	[[ $code == 128 && $(fio_errors) == '[0,0]' ]] || lost "fio: exit code $code, errors $(fio_errors)"
	note "fio verified what it had written"
}

# ---- paths ----

# cut PATH: what is there is reset or gone, and nothing comes in its place. Tunnel 1 loses its host end, tunnel 2 its target end.
cut() {
	if [[ $arm == direct ]]; then
		ss -K dst "$(at "$1")" >/dev/null
		make_rule add "$1" unreachable
	else
		signal_end KILL "$1" "$([[ $1 == 1 ]] && echo host || echo target)"
	fi
}

mend() {
	if [[ $arm == direct ]]; then
		make_rule del "$1" unreachable
	elif [[ $1 == 1 ]]; then
		start_connect "$1"
	else
		start_listen "$1"
	fi
}

# freeze PATH END: nothing answers any more, without a word. thaw PATH END.
freeze() {
	if [[ $arm == direct ]]; then make_rule add "$1" blackhole; else signal_end STOP "$1" "$2"; fi
}

thaw() {
	if [[ $arm == direct ]]; then make_rule del "$1" blackhole; else signal_end CONT "$1" "$2"; fi
}

signal_end() { # SIGNAL PATH host|target
	if [[ $3 == host ]]; then kill "-$1" "${connect_pid[$2]}"; else signal_listen "$1" "$2"; fi
}

make_rule() { # add|del PATH ACTION
	local where
	where=$(at "$2")
	ip rule "$1" pref 10 to "${where%:*}" ipproto tcp dport "${where#*:}" "$3"
}

# ---- the tunnel ----

start_connect() { # PATH
	"$STOQ" tunnel connect --connect "$(quic_at "$1")" --name storage --accept "$(at "$1")" \
		--certificates "$pki/nodes/host" >>$work/ends.log 2>&1 &
	connect_pid[$1]=$!
	until_true 30 port_is_open "$1"
}

port_is_open() { [[ -n $(ss -Htln src "$(at "$1")") ]]; }

end_arm() {
	local path signal
	[[ -z ${fio-} ]] || kill -KILL $fio 2>/dev/null
	[[ $arm == tunnel ]] || return
	for path in 1 2; do
		for signal in CONT TERM; do
			signal_end $signal $path host
			signal_end $signal $path target
		done
	done
}

# ---- the steps ----

step_connect() {
	local options
	begin "connect"
	for options in "" "--disable-sqflow --hdr-digest --data-digest -Q 16" "--data-digest -W 1 -P 1"; do
		# shellcheck disable=SC2086
		connect 1 $options
		note "$options: $(attribute 1 queue_count) queues of $(attribute 1 sqsize), $(mib 1) MiB"
		check_io 1
		must nvme disconnect -n "$nqn"
		until_true 30 is_gone 1
	done
	until_true 30 target_is_idle
}

# What cannot be the same is left out: numbers and names of the subsystem and its namespaces.
step_identify() {
	local name
	begin "identify"
	connect 1 --disable-sqflow
	name=/dev/$(controller 1)
	note "$(nvme id-ctrl "$name" | grep -vE '^(cntlid|subnqn|sn|NVME)')"
	note "$(nvme id-ns "$(disk 1)" | grep -vE '^(nguid|eui64|NVME)')"
	for feature in 0x0b 0x02; do
		outcome nvme get-feature "$name" -f $feature
	done
	outcome nvme format "$(disk 1)" --force
	outcome nvme admin-passthru "$name" --opcode=0xc1
	outcome nvme write-uncor "$(disk 1)" -s 0 -c 0
	outcome nvme flush "$(disk 1)"
	outcome blkdiscard -o 1M -l 1M "$(disk 1)"
	outcome nvme write-zeroes "$(disk 1)" -s 0 -c 63
	check_io 1
	disconnect
}

step_refused() {
	begin "refused"
	outcome try_connect 1 -n "$nqn:other"
	target_allow "$host:other"
	outcome try_connect 1
	target_allow any
	connect 1
	outcome try_connect 1 # a second time
	disconnect
}

step_reset() {
	local i
	begin "reset"
	connect 1 --disable-sqflow
	start_fio
	for i in 1 2 3; do
		must nvme reset "/dev/$(controller 1)"
		until_true 30 is_live 1
		goes_on "after reset $i fio goes on"
	done
	outcome nvme subsystem-reset "/dev/$(controller 1)"
	outcome nvme ns-rescan "/dev/$(controller 1)"
	end_fio
	check_io 1
}

# On the controller of the step before.
step_namespaces() {
	begin "namespaces"
	target_resize 1 40
	until_true 30 is_mib 1 40
	note "the target's resize reached the host"
	check_io 1 39
	if target_shrinks; then
		target_resize 1 32
		until_true 30 is_mib 1 32
		note "it shrank, too"
	fi
	target_add_namespace 2 16
	until_true 30 is_mib 2 16
	note "the new namespace reached the host"
	check_io 2
	target_remove_namespace 2
	until_true 30 has_no_disk 2
	note "it is gone at the host"
	target_add_namespace 2 8
	until_true 30 is_mib 2 8
	target_remove_namespace 2
	until_true 30 has_no_disk 2
	is_live 1 || lost "the controller is $(state 1)"
	check_io 1
	disconnect
}

# Another number of queues.
step_queues() {
	begin "queues"
	connect 1 --disable-sqflow
	if ! target_queues 1 2>/dev/null; then
		note "the target cannot change them"
	else
		until_true 60 has_queues 2
		target_queues 128
		until_true 60 has_queues 3
		note "1 and 2 I/O queues"
	fi
	check_io 1
	disconnect
}
has_queues() { # N, after a reset, where it takes one
	find_controller 1 && [[ $(attribute 1 queue_count) == "$1" ]] && is_live 1 && return
	! find_controller 1 || echo 1 2>/dev/null >"/sys/class/nvme/$found/reset_controller"
	return 1
}

# A keep-alive timeout: nothing is heard of the path, at either end; nvme-tcp connects again by itself.
step_keep_alive() {
	local end cntlid before
	for end in target host; do
		begin "keep-alive, the $end's end"
		connect 1 --disable-sqflow
		start_fio
		cntlid=$(attribute 1 cntlid)
		before=$(target_expiries "$cntlid")
		freeze 1 $end
		until_true 60 is_not_live 1
		note "the host has noticed"
		until_true 60 has_expired "$cntlid" "$before"
		note "the target has noticed"
		thaw 1 $end
		until_true 90 is_live 1
		goes_on "fio goes on"
		end_fio
		check_io 1
		disconnect
	done
}
has_expired() { (($(target_expiries "$1") > $2)); }

step_multipath() {
	local path
	begin "multipath"
	connect 1 --disable-sqflow
	connect 2 --disable-sqflow
	set_policy round-robin
	start_fio
	for path in 1 2; do
		cut $path
		until_true 60 is_not_live $path
		goes_on "path $path is cut: fio goes on"
		mend $path
		until_true 60 is_live $path
		goes_on "path $path is back"
	done
	for ana in non-optimized inaccessible optimized; do
		target_ana 1 $ana
		until_true 30 has_ana 1 $ana
		goes_on "path 1 is $ana: fio goes on"
	done
	echo 1 >"/sys/class/nvme/$(controller 1)/delete_controller"
	until_true 30 is_gone 1
	goes_on "controller 1 is deleted: fio goes on"
	end_fio
	check_io 1
	disconnect
}
set_policy() {
	local entry
	entry=$(echo /sys/class/nvme-subsystem/*/"$(controller 1)")
	echo "$1" >"${entry%/*}/iopolicy"
}
has_ana() { [[ $(cat "/sys/class/nvme/$(controller "$1")/"nvme*/ana_state) == "$2" ]]; }

# The disk goes while it is read: the reader gets an error, and nothing hangs.
start_reader() {
	fio --name=reader --filename="$(disk 1)" --rw=randread --direct=1 --ioengine=libaio --iodepth=16 --bs=16k --time_based \
		--runtime=600 --output-format=json --output="$work/$arm.fio" &
	fio=$!
	has_progress 50
}

end_reader() {
	local code=0
	wait $fio || code=$?
	((code)) || lost "the reader has no error"
	note "the reader has errors $(fio_errors)"
}

step_controller_loss() {
	begin "controller loss"
	connect 1 --disable-sqflow --ctrl-loss-tmo 3
	start_reader
	cut 1
	until_true 60 is_gone 1
	until_true 30 has_no_disk 1
	note "the controller and its disk are gone"
	end_reader
	mend 1
	until_true 60 target_is_idle
	connect 1 --disable-sqflow
	check_io 1
}

step_delete() {
	begin "delete under load"
	start_reader
	disconnect
	end_reader
	connect 1
	start_reader
	must sh -c "echo 1 >/sys/class/nvme/$(controller 1)/delete_controller"
	until_true 30 is_gone 1
	end_reader
	connect 1
	check_io 1
}

# Taken from its port: whether the host goes on trying depends on its kernel.
step_detach() {
	begin "the target lets the host go"
	start_fio
	target_detach 1
	until_true 60 is_not_live 1
	sleep 4
	note "the host is $(state 1)"
	target_attach 1
	until_true 60 is_live 1
	goes_on "it is back, and fio goes on"
	end_fio
	check_io 1
	disconnect
}

discover() { # OPTIONS...
	local where
	where=$(at 1)
	nvme "$1" -t tcp -a "${where%:*}" -s "${where#*:}" -q "$host" -I "$host_id" "${@:2}"
}

step_discover() {
	begin "discover"
	note "$(discover discover -o json | jq -c '[.records[] | {subtype, subnqn, at: "\(.traddr):\(.trsvcid)", treq, adrfam, trtype}] | sort' 2>&1)"
	must discover connect-all -i 2 --disable-sqflow --keep-alive-tmo $keep_alive
	until_true 30 is_live 1
	until_true 30 find_disk 1
	check_io 1
	disconnect
	begin "discovery, asynchronous"
	must discover discover -p --keep-alive-tmo $keep_alive >/dev/null
	until_true 30 has_discovery
	udevadm monitor --kernel --property --subsystem-match=nvme >"$work/$arm.events" 2>&1 &
	monitor=$!
	sleep 2
	target_add_subsystem 1
	until_true 30 has_event
	note "the host had the event of a changed log: $(event)"
	target_remove_subsystem 1
	kill $monitor
	must nvme disconnect -d "$(discovery)"
	until_true 30 target_is_idle
}
discovery() { controller 1 nqn.2014-08.org.nvmexpress.discovery; }
has_discovery() { find_state 1 nqn.2014-08.org.nvmexpress.discovery && [[ $found == live ]]; }
event() {
	awk -v name="/$(discovery) " 'BEGIN { RS = "" } index($0, name) && sub(/.*NVME_AEN=/, "") { print $1; exit }' "$work/$arm.events"
}
has_event() { [[ -n $(event) ]]; }

# DH-HMAC-CHAP, which the host and the target do with each other: the tunnel has no part in it.
step_authentication() {
	local secret
	begin "in-band authentication"
	secret=$(nvme gen-dhchap-key -n "$host")
	# A host without CONFIG_NVME_AUTH lists the option all the same.
	if ! grep -q ' nvme_auth_negotiate' /proc/kallsyms || ! target_secret "$host" "$secret" 2>/dev/null; then
		note "this kernel has none"
		return
	fi
	target_allow "$host"
	outcome try_connect 1
	connect 1 --disable-sqflow --dhchap-secret "$secret"
	check_io 1
	disconnect
	target_allow any
}

all_steps() {
	local path
	declare -A connect_pid
	name_arm
	if [[ $arm == tunnel ]]; then
		for path in 1 2; do
			start_listen $path
			start_connect $path
		done
	fi
	step_connect
	step_identify
	step_refused
	step_authentication
	step_reset
	step_namespaces
	step_queues
	step_discover
	step_keep_alive
	step_multipath
	step_controller_loss
	step_delete
	step_detach
	step=end
	note "of all steps"
}
