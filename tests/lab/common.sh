# SPDX-License-Identifier: BSD-2-Clause
# What the lab's tests share; sourced.
set -u
cd "$(dirname "$0")/../.." || exit 1
STOQ=${STOQ:-$PWD/build/stoq}
export STOQ

command -v qemu-system-x86_64 >/dev/null || {
	echo "qemu-system-x86_64 is not installed (Debian package qemu-system-x86)"
	exit 77
}

scratch=$(mktemp -d "$PWD/build/lab-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

fail() {
	echo "FAILED: $*"
	for file in "$scratch"/*; do
		[[ ! -f $file || ! -s $file ]] || { echo "-- ${file##*/}:" && tail -n 40 "$file"; }
	done
	exit 1
}

# need_kernel VERSION: skips the test where there is none and none to download.
need_kernel() {
	[[ $1 == 5.15 && ! -e ${STOQ_LAB_CACHE:-build/lab}/kernels/5.15/release ]] || return 0
	echo "Debian has no Linux 5.15: put one into build/lab/kernels/5.15, as lab/README.md says"
	exit 77
}

# expect WHAT ACTUAL EXPECTED
expect() {
	[[ $2 == "$3" ]] || fail "$1 is '$2', not '$3'"
	echo "ok: $1"
}

# expect_text WHAT FILE PATTERN
expect_text() {
	grep -qE -- "$3" "$2" || fail "$1: no '$3' in ${2##*/}"
	echo "ok: $1"
}
