# SPDX-License-Identifier: BSD-2-Clause
# bash completion for stoq: verbs, their commands, and the options their --help lists.

# _stoq_values VERB OPTION: the words that an option takes; fails where that is for files or for
# nobody to say.
_stoq_values()
{
	case $2 in
	-i | --interface) ls /sys/class/net ;;
	--by) echo host subsystem namespace queue opcode ;;
	--strict) echo ingress always never ;;
	--mode) echo throughput requests ping ;;
	--direction) echo send receive both ;;
	--datapath) echo auto socket af_xdp ;;
	--congestion) echo cubic bbr reno ;;
	--key) echo ecdsa ed25519 ;;
	--huge-pages) echo auto yes no ;;
	--name) [ "$1" = guard ] && ls /sys/fs/bpf/stoq/guard 2>/dev/null ;;
	*) return 1 ;;
	esac
}

_stoq()
{
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} words=

	if [ "$COMP_CWORD" = 1 ]; then
		words="$(stoq --help 2>/dev/null | sed -n '/^VERBS/,/^$/s/^  \([a-z]*\) .*/\1/p') --help --version"
	elif words=$(_stoq_values "$verb" "$before"); then
		:
	elif [[ $current == -* ]]; then
		words=$(stoq "$verb" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u)
	elif [ "$COMP_CWORD" = 2 ]; then
		case $verb in
		target) words="start stop status" ;;
		bench) words="transport" ;;
		guard) words="check explain on reload status events off" ;;
		xdp) words="status allow deny limit" ;;
		pki) words="init issue renew revoke list show" ;;
		esac
	fi
	if [ -n "$words" ]; then
		COMPREPLY=($(compgen -W "$words" -- "$current"))
	else
		COMPREPLY=($(compgen -f -- "$current"))
	fi
}
complete -F _stoq stoq
