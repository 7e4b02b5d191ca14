# SPDX-License-Identifier: BSD-2-Clause
# functions.awk -v folder=OUT -v version=VERSION HEADER...: a man page of section 3 for each function that public
# headers declare, from the comment above it, and libstoq.3, which lists all of them. A page has the structures and
# enumerations of its prototype as well, as the header has them, comments included.
# A function without a comment of its own is an error. The comment's first sentence is what the page's NAME line has.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = "\\&" text
	return text
}

# A sentence for a list: what stands before its first full stop, colon or semicolon.
function summary(text,    end, short) {
	sub(/^\n/, "", text)
	gsub(/\n/, " ", text)
	end = match(text, /[.:;]( |$)/)
	short = end ? substr(text, 1, end - 1) : text
	if (substr(short, 2, 1) !~ /[A-Z]/)
		short = tolower(substr(short, 1, 1)) substr(short, 2)
	return short
}

# The text of a comment: without its stars; an empty line between paragraphs.
function comment_line(line) {
	if (line == "/*")
		return ""
	sub(/^\/\* ?/, "", line)
	sub(/ ?\*\/$/, "", line)
	sub(/^ \* ?/, "", line)
	return line
}

function keep_type(name, text) {
	type[name] = text
}

function keep_function(text,    name) {
	sub(/^STOQ_API /, "", text)
	name = text
	sub(/\(.*/, "", name)
	sub(/.*[ *]/, "", name)
	if (comment == "") {
		printf "%s:%d: %s() has no comment\n", FILENAME, FNR, name >"/dev/stderr"
		failed = 1
	}
	order[++count] = name
	prototype[name] = text
	about[name] = comment
	if (summary(comment) ~ /^-/) {
		printf "%s:%d: the comment of %s() does not begin with what it does\n", FILENAME, FNR, name >"/dev/stderr"
		failed = 1
	}
	header[name] = head
	listed[head] = listed[head] " " name
	comment = raw = ""
}

FNR == 1 {
	head = FILENAME
	sub(/^.*include\//, "", head)
	heads[++head_count] = head
	state = comment = ""
	before = 1
}
/^\/\* SPDX/ || /^#pragma/ { next }
state == "comment" {
	comment = comment comment_line($0) "\n"
	raw = raw $0 "\n"
	if (/\*\/$/)
		state = ""
	next
}
state == "type" {
	definition = definition $0 "\n"
	if (/^}/) {
		keep_type(name, raw definition)
		state = comment = raw = ""
	}
	next
}
state == "function" {
	declaration = declaration "\n" $0
	if (/;$/) {
		keep_function(declaration)
		state = ""
	}
	next
}
/^\/\* ----/ { comment = raw = ""; next }
/^\/\*/ {
	comment = comment_line($0) "\n"
	raw = $0 "\n"
	if (!/\*\/$/)
		state = "comment"
	next
}
/^(struct|enum) [a-z_]+ \{/ {
	name = $1 " " $2
	definition = $0 "\n"
	state = "type"
	if (/};$/) {
		keep_type(name, raw definition)
		state = comment = raw = ""
	}
	next
}
/^STOQ_API / {
	declaration = $0
	before = 0
	if (/;$/)
		keep_function(declaration)
	else
		state = "function"
	next
}
/^#include/ || NF == 0 || /^struct/ {
	# The comment that a header begins with is about the header.
	if (before && comment != "" && !(head in purpose))
		purpose[head] = comment
	comment = raw = ""
	next
}
{ before = 0; comment = raw = "" }

# ---- output ----

function paragraphs(text, out,    lines, n, i) {
	sub(/^\n/, "", text)
	n = split(text, lines, "\n")
	for (i = 1; i < n; i++)
		print lines[i] == "" ? ".PP" : escape(lines[i]) >out
}

function code(text, out,    lines, n, i) {
	n = split(text, lines, "\n")
	print ".nf" >out
	for (i = 1; i <= n; i++)
		if (i < n || lines[i] != "")
			print lines[i] == "" ? "" : escape(lines[i]) >out
	print ".fi" >out
}

function title(name, out) {
	print ".\\\" Made from the headers of libstoq by functions.awk." >out
	printf ".TH %s 3 \"\" \"libstoq %s\" \"libstoq\"\n", name, version >out
	print ".SH NAME" >out
}

# used TEXT: the types that it names and that are defined, and the enumerations that those name; in `wanted`, in order.
function used(text, depth,    rest, word) {
	rest = text
	while (match(rest, /(struct|enum) stoq_[a-z0-9_]+/)) {
		word = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
		if (!(word in type) || (word in seen) || word == "struct stoq_error")
			continue
		seen[word] = 1
		wanted[++wanted_count] = word
		if (depth < 2)
			used(type[word], depth + 1)
	}
}

function page(name,    out, i, others, n, list) {
	out = folder "/" name ".3"
	title(name, out)
	printf "%s \\- %s\n", name, escape(summary(about[name])) >out
	print ".SH SYNOPSIS" >out
	code("#include <" header[name] ">\n\n" prototype[name] "\n", out)
	print ".SH DESCRIPTION" >out
	paragraphs(about[name], out)
	split("", seen)
	wanted_count = 0
	used(prototype[name], 0)
	if (wanted_count)
		print ".SH TYPES" >out
	for (i = 1; i <= wanted_count; i++) {
		if (i > 1)
			print ".PP" >out
		code(type[wanted[i]], out)
	}
	print ".SH SEE ALSO" >out
	list = ".BR libstoq (3)"
	n = split(listed[header[name]], others, " ")
	for (i = 1; i <= n; i++)
		if (others[i] != name)
			list = list ",\n.BR " others[i] " (3)"
	print list >out
	close(out)
}

function overview(    out, i, j, n, names) {
	out = folder "/libstoq.3"
	title("libstoq", out)
	print "libstoq \\- QUIC transport and NVMe/TCP decoder for storage programs" >out
	print ".SH SYNOPSIS" >out
	code("cc program.c $(pkg-config --cflags --libs libstoq)\n\nfind_package(stoq REQUIRED)\n" \
		"target_link_libraries(program PRIVATE stoq::stoq)\n", out)
	print ".SH DESCRIPTION" >out
	print "Each function has a page of its own. The headers, and what they declare:" >out
	for (i = 1; i <= head_count; i++) {
		printf ".SS <%s>\n", heads[i] >out
		paragraphs(purpose[heads[i]], out)
		n = split(listed[heads[i]], names, " ")
		for (j = 1; j <= n; j++) {
			printf ".TP\n.BR %s (3)\n%s\n", names[j], escape(summary(about[names[j]])) >out
		}
	}
	print ".SH SEE ALSO" >out
	print ".BR stoq (1)" >out
	close(out)
}

END {
	if (failed)
		exit 1
	for (i = 1; i <= count; i++)
		page(order[i])
	overview()
}
