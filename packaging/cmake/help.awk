# SPDX-License-Identifier: BSD-2-Clause
# From a scdoc page: the NAME line and the SYNOPSIS, COMMANDS, OPTIONS and EXIT STATUS
# sections as C string literals, without the markup.

# scdoc's underscores mark emphasis only at the edge of a word: nvmf_tgt keeps its own.
function plain(line,    out, before, c, i) {
	sub(/\+\+$/, "", line)
	before = " "
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "\\") {
			out = out substr(line, ++i, 1)
			c = "x"
		} else if (c == "_" && before ~ /[[:alnum:]]/ && substr(line, i + 1, 1) ~ /[[:alnum:]]/) {
			out = out c
		} else if (c != "*" && c != "_") {
			out = out c
		}
		before = c
	}
	return out
}

function emit(line) {
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "    ", line)
	print "\"" line "\\n\""
}

/^# / {
	name = ($2 == "NAME")
	shown = ($2 == "SYNOPSIS" || $2 == "COMMANDS" || $2 == "OPTIONS" || $2 == "EXIT")
	compact = ($2 == "OPTIONS" || $2 == "COMMANDS")
	if (shown) {
		emit("")
		emit(substr($0, 3))
		blank = 0
		fresh = 1
	}
	next
}
name && NF { emit(plain($0)) }
!shown { next }
/^;/ { next }
# An empty line separates paragraphs; between the entries of a list it is left out.
NF == 0 { blank = !fresh; next }
/^## / { emit(""); emit("  " plain(substr($0, 4)) ":"); fresh = 1; blank = 0; next }
{
	if (blank && !(compact && (/^\t/ || /^[*_]/)))
		emit("")
	blank = fresh = 0
	emit("  " plain($0))
}
