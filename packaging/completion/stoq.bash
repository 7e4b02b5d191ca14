# SPDX-License-Identifier: BSD-2-Clause
# bash completion for stoq: verbs, their commands, the options their --help lists, and the names that options and
# commands take.

# The NVMe commands of stoq-guard-policy(5), as one writes them in a shell.
_stoq_nvme_commands="abort asynchronous-event-request authentication-receive authentication-send cancel
	capacity-management compare connect copy create-i/o-completion-queue create-i/o-submission-queue
	dataset-management delete-i/o-completion-queue delete-i/o-submission-queue device-self-test directive-receive
	directive-send disconnect discovery-information-management doorbell-buffer-config fabric-zoning-lookup
	fabric-zoning-receive fabric-zoning-send firmware-commit firmware-image-download flush format-nvm get-features
	get-lba-status get-log-page i/o-management-receive i/o-management-send identify keep-alive lockdown
	namespace-attachment namespace-management nvme-mi-receive nvme-mi-send property-get property-set read
	reservation-acquire reservation-register reservation-release reservation-report sanitize security-receive
	security-send set-features verify virtualization-management write write-uncorrectable write-zeroes zone-append
	zone-management-receive zone-management-send"

# _stoq_given OPTION DEFAULT: its value on this command line. bash makes words of "--dir=x": "--dir", "=", "x".
_stoq_given()
{
	local i value=$2

	for ((i = 2; i < ${#COMP_WORDS[@]}; i++)); do
		case ${COMP_WORDS[i]} in
		"$1="*) value=${COMP_WORDS[i]#*=} ;;
		"$1")
			value=${COMP_WORDS[i + 1]-}
			[ "$value" != = ] || value=${COMP_WORDS[i + 2]-}
			;;
		esac
	done
	printf '%s\n' "${value/#\~/$HOME}"
}

# Nodes that have a certificate, targets that were started, guards that are on.
_stoq_nodes() { command ls "$(_stoq_given --dir /etc/stoq/pki)/nodes" 2>/dev/null; }
_stoq_targets() { command ls "$(_stoq_given --run-dir /run/stoq)" 2>/dev/null | sed -n 's/^target-//p'; }
_stoq_guards() { command ls /sys/fs/bpf/stoq/guard 2>/dev/null; }

# What --by takes: an axis, or a second one behind a comma.
_stoq_axes()
{
	local axes='host subsystem namespace queue connection path opcode size' before=

	[[ $current != *,* ]] || before=${current%%,*},
	printf "$before%s\n" $axes
}

# _stoq_values VERB COMMAND OPTION: the words that an option takes; fails where that is for files.
_stoq_values()
{
	case $3 in
	-i | --interface) command ls /sys/class/net ;;
	--by) _stoq_axes ;;
	--sort) echo iops bytes p99 errors retransmissions ;;
	--side) echo host target ;;
	--strict) echo ingress always never ;;
	--format) echo csv iolog ;;
	--mode) echo throughput requests ping ;;
	--direction) echo send receive both ;;
	--datapath) echo auto socket af_xdp ;;
	--local) ip -o addr show scope global 2>/dev/null | sed 's/.* inet6* \([^ /]*\).*/\1/' ;;
	--congestion) echo cubic bbr reno ;;
	--key) echo ecdsa ed25519 ;;
	--huge-pages) echo auto yes no ;;
	--command | --opcode) echo $_stoq_nvme_commands ;;
	--namespace) [ "$1" != target ] ;;
	--port) [ "$1" != watch ] || echo 4420 8009 ;;
	--name)
		case $1,$2 in
		guard,*) _stoq_guards ;;
		target,stop | target,status) _stoq_targets ;;
		esac
		;;
	-r | --read | --record | --dir | --run-dir | --spdk-dir | --certificates | --spdk-socket | --policy | --socket | --status | --web-config | --labels | --expect) return 1 ;;
	esac
}

# _stoq_takes_value VERB OPTION: by what its --help has behind the option.
_stoq_takes_value()
{
	[[ $2 == -* ]] && stoq "$1" --help 2>/dev/null | grep -qE -e "(^|[ ,])$2(, --[a-z-]+)? [^ -]"
}

# _stoq_operands VERB COMMAND: names that a command takes; fails where those are files.
_stoq_operands()
{
	case $1,$2 in
	pki,renew | pki,revoke) _stoq_nodes ;;
	pki,show) _stoq_nodes && [[ $current != */* ]] ;;
	pki,* | target,* | xdp,* | guard,status | guard,events | guard,metrics | guard,off | bench,* | probe,* | watch,*) ;;
	tunnel,listen | tunnel,connect | tunnel,status) ;;
	*) return 1 ;;
	esac
}

_stoq_commands()
{
	case $1 in
	target) echo start stop status ;;
	bench) echo transport ;;
	guard) echo check explain diff on reload status events metrics off ;;
	xdp) echo status allow deny limit ;;
	tunnel) echo listen connect run check status ;;
	pki) echo init issue renew revoke list show ;;
	record) echo export ;;
	esac
}

_stoq()
{
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} command=${COMP_WORDS[2]-} words='' prefix='' files=

	# "--by=h", in one word or in three.
	if [[ $current == --*=* ]]; then
		before=${current%%=*} prefix=$before= current=${current#*=}
	elif [[ $current == = ]]; then
		current=
	elif [[ $before == = ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "$COMP_CWORD" = 1 ]; then
		words="$(stoq --help 2>/dev/null | sed -n '/^VERBS/,/^$/s/^  \([a-z]*\) .*/\1/p') --help --version"
	elif _stoq_takes_value "$verb" "$before"; then
		words=$(_stoq_values "$verb" "$command" "$before") || files=yes
	elif [[ $current == -* ]]; then
		words=$(stoq "$verb" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u)
	elif [ "$COMP_CWORD" = 2 ] && [ "$verb" != join ]; then
		words=$(_stoq_commands "$verb")
	else
		words=$(_stoq_operands "$verb" "$command") || files=yes
	fi
	_stoq_files=$files
	COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$current"))
	[ -z "$files" ] || COMPREPLY+=($(compgen -P "$prefix" -f -- "$current"))
}

# _stoq_describe WORDS...: for other shells: what completes the last of WORDS, one a line, each with a tab and what
# --help has about it. A line that is a tab only: file names.
_stoq_describe()
{
	local -a verb=("${@:2:$(($# > 2))}")
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_stoq
	[ -z "$_stoq_files" ] || { printf '\t\n' && return; }
	[ ${#COMPREPLY[@]} != 0 ] || return
	{ printf '%s\n' "${COMPREPLY[@]}" && stoq "${verb[@]}" --help 2>/dev/null; } |
		awk -v count=${#COMPREPLY[@]} '
		NR <= count { words[NR] = $0; next }
		/^VERBS/ { verbs = 1 }
		verbs && /^  [a-z]/ { name = $1; sub(/^ *[a-z]+ */, ""); about[name] = $0; next }
		/^  -/ { names = $0; next }
		names != "" {
			sub(/^ +/, "")
			while (match(names, /--?[a-z][a-z-]*/)) {
				about[substr(names, RSTART, RLENGTH)] = $0
				names = substr(names, RSTART + RLENGTH)
			}
			names = ""
		}
		END { for (i = 1; i <= count; i++) print words[i] "\t" about[words[i]] }'
}

complete -F _stoq stoq
