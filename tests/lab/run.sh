#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# lab/run: what a command prints and returns; two guests at once; a machine without KVM; a
# kernel that panics, hangs or takes too long; nothing left behind when it is killed.
. "$(dirname "$0")/common.sh"

# The fourth word has what a shell would take apart.
argument='two  words; "$HOME"'
check_guest() {
	echo "$1"
	uname -r
	echo "to stderr" >&2
	echo kept >"$2/kept"
	echo lost >"$3" && cat "$3"
	exit 7
}

test_command_and_timeout_at_once() {
	lab/run --kernel 6.1 --share "$scratch/share" -- bash -c "$(declare -f check_guest); check_guest \"\$@\"" \
		bash "$argument" "$scratch/share" "$PWD/build/lost" >"$scratch/out" 2>"$scratch/err" &
	local first=$!
	STOQ_LAB_KVM=/nonexistent lab/run --timeout 20 -- sh -c 'echo begun; sleep 600' \
		>"$scratch/slow-out" 2>"$scratch/slow-err" &
	local second=$! code=0
	wait $first || code=$?
	expect "the command's exit code" $code 7
	expect "its argument, as it was" "$(sed -n 1p "$scratch/out")" "$argument"
	[[ $(sed -n 2p "$scratch/out") == 6.1.* ]] || fail "the guest's kernel is not 6.1"
	expect "its stderr" "$(cat "$scratch/err")" "to stderr"
	expect "a file in a shared folder" "$(cat "$scratch/share/kept")" kept
	expect "a file elsewhere is written" "$(sed -n 3p "$scratch/out")" lost
	[[ ! -e build/lost ]] || fail "the guest wrote to the host"
	code=0
	wait $second || code=$?
	expect "the exit code after the timeout" $code 124
	expect "what was printed until then" "$(cat "$scratch/slow-out")" begun
	expect_text "the timeout's message" "$scratch/slow-err" 'took longer than 20 s'
}

# refused TEXT OPTION...: with a message, before anything is downloaded or booted.
refused() {
	local code=0
	timeout 20 lab/run "${@:2}" -- true >"$scratch/out" 2>"$scratch/err" || code=$?
	expect "lab/run ${*:2}: the exit code" $code 125
	expect_text "its message" "$scratch/err" "$1"
}

test_mistakes() {
	refused "there is no kernel '4.4': 5.10, 6.1" --kernel 4.4
	refused "there is no kernel '../6.1'" --kernel ../6.1
	refused "--accel xen: there are kvm, tcg and auto" --accel xen
	refused "take whole numbers" --cpus 0
	refused "take whole numbers" --timeout 1h
	refused "a guest needs 128 MiB" --memory 64
	refused "cannot make this folder" --share /proc/nothing
	refused "unknown option --colour" --colour
}

test_panic() {
	local code=0
	lab/run -- sh -c 'echo before; sync; sleep 1; echo c >/proc/sysrq-trigger; sleep 60' \
		>"$scratch/out" 2>"$scratch/err" || code=$?
	expect "the exit code after a panic" $code 125
	expect "what was printed before the panic" "$(cat "$scratch/out")" before
	expect_text "the panic's console" "$scratch/err" '\| .*Kernel panic.*sysrq'
	expect_text "the panic's message" "$scratch/err" "the guest's kernel panicked"
}

test_hung_boot() {
	local code=0
	STOQ_LAB_BOOT_LIMIT=1 lab/run -- true >"$scratch/out" 2>"$scratch/err" || code=$?
	expect "the exit code when the guest does not boot" $code 125
	expect_text "the message" "$scratch/err" 'did not reach user space within 1 s'
	expect_text "what raises the limit" "$scratch/err" 'STOQ_LAB_BOOT_LIMIT=3'
	code=0
	STOQ_LAB_BOOT_LIMIT=2m lab/run -- true >"$scratch/out" 2>"$scratch/err" || code=$?
	expect "the exit code of a limit that is no number" $code 125
	expect_text "its message" "$scratch/err" 'STOQ_LAB_BOOT_LIMIT=2m: a whole number'
}

# A machine whose KVM makes QEMU abort, as it does where the CPU is not what it seems: no message about it.
test_aborting_kvm() {
	local code=0
	mkdir -p "$scratch/bin" build/lab/aborting
	cat >"$scratch/bin/qemu-system-x86_64" <<-END
		#!/bin/sh
		case "\$*" in *"-accel kvm"*) kill -ABRT \$\$ ;; esac
		exec "$(command -v qemu-system-x86_64)" "\$@"
	END
	chmod +x "$scratch/bin/qemu-system-x86_64"
	PATH=$scratch/bin:$PATH STOQ_LAB_CACHE=${STOQ_LAB_CACHE:-$PWD/build/lab} STOQ_LAB_BUILD=$PWD/build/lab/aborting \
		STOQ_LAB_KVM=$scratch/bin/qemu-system-x86_64 lab/run -- sh -c 'echo $STOQ_LAB_ACCEL' \
		>"$scratch/out" 2>"$scratch/err" || code=$?
	expect "the exit code where KVM aborts" $code 0
	expect "the accelerator" "$(cat "$scratch/out")" tcg
	expect "what was said about it" "$(cat "$scratch/err")" ""
	rm -rf build/lab/aborting
}

# failing_qemu TIMES crash|stand_still: a QEMU in $scratch/bin that fails so often, then is the real one.
failing_qemu() {
	mkdir -p "$scratch/bin"
	echo "$1" >"$scratch/crashes"
	cat >"$scratch/bin/qemu-system-x86_64" <<-END
		#!/bin/sh
		crash() { kill -SEGV \$\$; }
		stand_still() {
			job=\$(echo "\$*" | sed 's,.* lab.job=\([^ ]*\).*,\1,')
			for seconds in 26 52; do echo "watchdog: BUG: soft lockup - CPU#1 stuck for \${seconds}s!"; done >"\$job/console"
			exec sleep 60
		}
		left=\$(cat "$scratch/crashes")
		echo \$((left - 1)) >"$scratch/crashes"
		if [ "\$left" -gt 0 ]; then $2 "\$@"; fi
		exec "$(command -v qemu-system-x86_64)" "\$@"
	END
	chmod +x "$scratch/bin/qemu-system-x86_64"
}

# As failing_qemu: what a command prints is in $scratch/out and err.
run_with_failing_qemu() {
	failing_qemu "$@"
	PATH=$scratch/bin:$PATH lab/run --accel tcg -- echo run >"$scratch/out" 2>"$scratch/err"
}

test_crashing_qemu() {
	local code=0
	run_with_failing_qemu 2 crash || code=$?
	expect "the exit code when QEMU crashed twice" $code 0
	expect "what the command printed, once" "$(cat "$scratch/out")" run
	expect "QEMU's crashes that were said" "$(grep -c 'QEMU itself crashed (SEGV)' "$scratch/err")" 2
	run_with_failing_qemu 99 crash || code=$?
	expect "the exit code when QEMU always crashes" $code 125
	expect_text "the message" "$scratch/err" 'QEMU crashed 3 times \(SEGV\)'
	expect "how often QEMU was started" "$(cat "$scratch/crashes")" 96
	[[ ! -s $scratch/out ]] || fail "the command ran"
}

# A guest whose kernel complains of a CPU; the third one is the real one.
test_guest_that_stands_still() {
	local code=0
	run_with_failing_qemu 2 stand_still || code=$?
	expect "the exit code when the guest stood still twice" $code 0
	expect "what the command printed, once" "$(cat "$scratch/out")" run
	expect "the guests that were given up" "$(grep -c 'stood still before the guest was ready: starting it again' "$scratch/err")" 2
}

children() {
	pgrep -f "qemu-system-x86_64 .*lab.job=$PWD/build/lab/killed/" || true
}

test_killed() {
	mkdir -p build/lab/killed
	STOQ_LAB_CACHE=${STOQ_LAB_CACHE:-$PWD/build/lab} STOQ_LAB_BUILD=$PWD/build/lab/killed lab/run --accel tcg -- sleep 600 \
		>"$scratch/out" 2>"$scratch/err" &
	local pid=$! tries
	for ((tries = 100; tries > 0; tries--)); do
		[[ -z $(children) ]] || break
		sleep 0.2
	done
	[[ -n $(children) ]] || fail "QEMU did not start"
	kill -TERM $pid
	wait $pid
	expect "the exit code after SIGTERM" $? 143
	expect "QEMU's processes after SIGTERM" "$(children)" ""
	expect "folders left behind" "$(ls build/lab/killed)" ""
}

# A first download says so on stderr, and takes longer than what is timed here.
lab/kernel 6.1 >/dev/null 2>"$scratch/download" || fail "lab/kernel 6.1 exited with $?"
test_mistakes
test_command_and_timeout_at_once
test_panic
test_hung_boot
test_aborting_kvm
test_crashing_qemu
test_guest_that_stands_still
test_killed
