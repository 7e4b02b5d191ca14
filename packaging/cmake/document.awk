# SPDX-License-Identifier: BSD-2-Clause
# document.awk -v name=NAME -v section=N -v summary=TEXT FILE.md: a document as a man page in scdoc's format. A table becomes
# a list: the first column, then the second one in brackets where there are three, then the last one. Fenced text stays as it is.

# Markdown's `code` is bold here; what scdoc would take for markup is escaped.
function plain(text,    out, c, i) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "`") {
			out = out "*"
		} else if (c == "\\" && substr(text, i + 1, 1) == "|") {
			out = out "|"
			i++
		} else if (c == "*" && substr(text, i + 1, 1) == " " && substr(text, i - 1, 1) == " ") {
			out = out "\\*"
		} else if (c == "*" && substr(text, i + 1, 1) == "*") {
			out = out "*"
			i++
		} else if (c == "*") {
			out = out "_"
		} else if (index("_\\<>#.", c) && (c != "." || out == "")) {
			out = out "\\" c
		} else {
			out = out c
		}
	}
	return out
}

# cells LINE: its columns, in cell[1..n].
function cells(line,    n, i) {
	gsub(/\\\|/, "\001", line)
	sub(/^\| */, "", line)
	sub(/ *\|$/, "", line)
	n = split(line, cell, / *\| */)
	for (i = 1; i <= n; i++)
		gsub(/\001/, "|", cell[i])
	return n
}

function row(line,    n) {
	n = cells(line)
	print plain(cell[1]) (n > 2 ? " (" plain(cell[2]) ")" : "")
	print "\t" (cell[n] == "" ? "\\-" : plain(cell[n]))
	print ""
}

NR == 1 {
	printf "%s(%d)\n\n# NAME\n\n%s - %s\n\n# DESCRIPTION\n\n", name, section, plain(name), plain(summary)
	next
}
/^```/ { fenced = !fenced; print "```"; next }
fenced { print; next }
/^\|[-| ]*$/ { print ""; next }
/^\|/ {
	if (table++)
		row($0)
	next
}
{ table = 0 }
/^#+ / { sub(/^#+ /, ""); gsub(/`/, ""); print "# " toupper(plain($0)); next }
/^- / { print "- " plain(substr($0, 3)); next }
/^  / { print "  " plain(substr($0, 3)); next }
{ print plain($0) }
END { print "\n# SEE ALSO\n\n*stoq-watch*(8), *stoq*(1)" }
