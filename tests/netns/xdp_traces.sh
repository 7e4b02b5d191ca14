# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What XDP filters leave behind; sourced. Other tests may run beside this one, with filters of
# their own, which processes of theirs hold.

# Programs of ours that no process holds, by their numbers.
unheld_programs() {
	comm -23 <(bpftool -j prog show | jq -r '.[] | select(.name == "stoq_xdp") | .id' | sort) \
		<(cat /proc/[0-9]*/fdinfo/* 2>/dev/null | sed -nE 's/^prog_id:\s*//p' | sort -u)
}

# has_xdp INTERFACE [NETNS]
has_xdp() {
	ip ${2:+-n "$2"} link show "$1" | grep -q xdp
}

# no_traces INTERFACE [NETNS]
no_traces() {
	! has_xdp "$@" && [ -z "$(unheld_programs)" ]
}
