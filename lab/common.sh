# SPDX-License-Identifier: BSD-2-Clause
# What the lab's scripts on the host share; sourced, not run.

lab_repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
lab_build=${STOQ_LAB_BUILD:-$lab_repository/build/lab}
lab_cache=${STOQ_LAB_CACHE:-$lab_build}

# The lab's own failures, told apart from a guest command's exit codes as timeout(1) does.
lab_exit_timeout=124
lab_exit_failed=125

lab_fail() {
	printf 'lab/%s: %s\n' "${0##*/}" "$*" >&2
	exit $lab_exit_failed
}

# lab_need COMMAND PACKAGE: fails with the package's name where COMMAND is missing.
lab_need() {
	command -v "$1" >/dev/null 2>&1 ||
		lab_fail "$1 is not installed. On Debian: apt-get install $2"
}
