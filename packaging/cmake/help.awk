# SPDX-License-Identifier: BSD-2-Clause
# From a scdoc page: the SYNOPSIS, OPTIONS and EXIT STATUS sections as C string literals,
# without the markup.
/^# / { shown = ($2 == "SYNOPSIS" || $2 == "OPTIONS" || $2 == "COMMANDS" || $2 == "EXIT"); if (shown) { heading = substr($0, 3); print "\"" (started++ ? "\\n" : "") heading "\\n\""; }; next }
shown {
	line = $0
	if (line == "" && last == "") next
	last = line
	gsub(/[*_]/, "\001", line)
	gsub(/\\\001/, "_", line)
	gsub(/\001/, "", line)
	gsub(/\\/, "", line)
	sub(/\+\+$/, "", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "    ", line)
	if (line == "") print "\"\\n\""; else print "\"  " line "\\n\""
}
