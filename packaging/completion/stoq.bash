# SPDX-License-Identifier: BSD-2-Clause
# bash completion for stoq: verbs, their commands, and the options their --help lists.
_stoq()
{
	local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}
	local words

	if [ "$COMP_CWORD" = 1 ]; then
		words="$(stoq --help 2>/dev/null | sed -n '/^VERBS/,/^$/s/^  \([a-z]*\) .*/\1/p') --help --version"
	elif [[ $current == -* ]]; then
		words=$(stoq "$verb" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u)
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" = target ]; then
		words="start stop status"
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" = bench ]; then
		words="transport"
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" = guard ]; then
		words="check explain on reload status events off"
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" = xdp ]; then
		words="status allow deny limit"
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" = pki ]; then
		words="init issue renew revoke list show"
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -i ]]; then
		words=$(ls /sys/class/net)
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --name ]] && [ "$verb" = guard ]; then
		words=$(ls /sys/fs/bpf/stoq/guard 2>/dev/null)
	elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --strict ]]; then
		words="ingress always never"
	else
		COMPREPLY=($(compgen -f -- "$current"))
		return
	fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _stoq stoq
