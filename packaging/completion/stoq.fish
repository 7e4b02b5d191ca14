# SPDX-License-Identifier: BSD-2-Clause
# fish completion for stoq: what bash's completion offers, with what --help says about it.
set -g __stoq_bash (status dirname)/../../bash-completion/completions/stoq

function __stoq_complete
    bash -c '. "$1" && shift && _stoq_describe "$@"' _ $__stoq_bash (commandline -opc) (commandline -ct) 2>/dev/null |
        while read -l line
            switch $line
                case \t
                    __fish_complete_path (commandline -ct)
                case '*'
                    echo $line
            end
        end
end

complete -c stoq -f -a '(__stoq_complete)'
