# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the judge's tests in network namespaces share; sourced first. JUDGE_KEEP=FOLDER keeps what
# was recorded and compared.
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"
judge=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STOQ=$stoq
. "$judge/capture.sh"

for program in tcpdump tshark; do
	command -v "$program" >/dev/null || skip "needs $program"
done
port=4420

keep() {
	[[ -z ${JUDGE_KEEP-} ]] || cp -r "$work" "$JUDGE_KEEP"
}
at_exit+=(keep)

# drive OPTIONS...: our load generator, to its end; refused: it must not be let in.
drive() {
	load load --connect "127.0.0.1:$port" "$@"
}

refused() {
	if "$STOQ_BUILD/peer-load" --connect "127.0.0.1:$port" "$@" >"$work/load.out" 2>&1; then
		fail "peer-load $* was let in"
	fi
}
