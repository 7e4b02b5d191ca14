# SPDX-License-Identifier: BSD-2-Clause
#
# What tshark's nvme-tcp dissector found (-T pdml), as the lines of line.h. A PDU is a
# <proto name="nvme-tcp"> and, for what is not Fabrics, the <proto name="nvme"> behind it; a
# frame may have any number of them. Use: awk -v port=PORT -f tshark.awk
#
# The dissector (4.0) does not say where in the stream a PDU begins. PDUs follow each other
# without a gap, so that is the sum of the lengths that it told so far.
#
# Not compared, for want of a field:
# - the SGL's length where its type is 5 (transport data block): the dissector knows the
#   descriptors of NVMe 1.2 and shows none of the others' fields. Such a command's
#   R2T and data PDUs have the length.
#
# The completion of a Get Features of Arbitration (01h) makes the dissector stop with an assertion of
# its own ("Unregistered hf"), so that it shows neither that PDU whole nor what follows in the
# frame. The line for that is CONNECTION SENDER OFFSET not-dissected END: nothing from OFFSET to END
# can be compared. Any other PDU that it stops at has fields "missing", and so differs.

function number(text,    value, i) {
	if (text !~ /^0x/)
		return text + 0
	for (i = 3; i <= length(text); i++)
		value = value * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
	return value
}

# Of the PDU: the field's number; a field that is not there must not pass for a zero.
function field(name) {
	return name in shown ? sprintf("%.0f", number(shown[name])) : "missing"
}

function lba_range(    opcode) {
	if (!io[connection])
		return ""
	if ("nvme.cmd.slba" in shown)
		return " slba=" field("nvme.cmd.slba") " blocks=" field("nvme.cmd.nlb")
	opcode = number(shown["nvme.cmd.opc"])
	if (!(opcode in has_lba_range))
		return ""
	return sprintf(" slba=%.0f blocks=%.0f",
		number(shown["nvme.cmd.dword11"]) * 4294967296 + number(shown["nvme.cmd.dword10"]),
		number(shown["nvme.cmd.dword12"]) % 65536 + 1)
}

function command(    text) {
	if ("nvme.fabrics.cmd.opc" in shown) {
		text = " opcode=" number("0x" shown["nvme.fabrics.cmd.opc"]) \
			" cid=" field("nvme.fabrics.cmd.cid") " fctype=" field("nvme.fabrics.cmd.fctype")
		if (number(shown["nvme.fabrics.cmd.fctype"]) != 1)
			return text
		io[connection] = number(shown["nvme.fabrics.cmd.connect.qid"]) > 0
		return text " qid=" field("nvme.fabrics.cmd.connect.qid") \
			" sqsize=" field("nvme.fabrics.cmd.connect.sqsize")
	}
	text = " opcode=" field("nvme.cmd.opc") " cid=" field("nvme.cmd.cid") \
		" nsid=" field("nvme.cmd.nsid") lba_range() \
		" sgl=" number(shown["nvme.cmd.sgl.type"]) * 16 + number(shown["nvme.cmd.sgl.subtype"])
	if (number(shown["nvme.cmd.sgl.type"]) == 0)
		text = text " length=" field("nvme.cmd.sgl1.len")
	return text
}

function fields(name) {
	if (name == "ICReq")
		return " pfv=" field("nvme-tcp.icreq.pfv") " hpda=" field("nvme-tcp.icreq.hpda") \
			" digest=" field("nvme-tcp.icreq.digest") " maxr2t=" field("nvme-tcp.icreq.maxr2t")
	if (name == "ICResp")
		return " pfv=" field("nvme-tcp.icresp.pfv") " cpda=" field("nvme-tcp.icresp.cpda") \
			" digest=" field("nvme-tcp.icresp.digest") \
			" maxh2cdata=" field("nvme-tcp.icresp.maxdata")
	if (name == "H2CTermReq")
		return " fes=" field("nvme-tcp.h2ctermreq.fes")
	if (name == "C2HTermReq")
		return " fes=" field("nvme-tcp.c2htermreq.fes")
	if (name == "CapsuleCmd")
		return command()
	if (name == "CapsuleResp")
		return " cid=" field("nvme.cqe.cid") " sqhd=" field("nvme.cqe.sqhd") \
			" status=" number(shown["nvme.cqe.status.sct"]) * 256 + field("nvme.cqe.status.sc") \
			" dnr=" field("nvme.cqe.status.dnr")
	if (name == "R2T")
		return " cid=" field("nvme-tcp.cmd.cid") " ttag=" field("nvme-tcp.ttag") \
			" offset=" field("nvme-tcp.r2t.offset") " length=" field("nvme-tcp.r2t.length")
	return " cid=" field("nvme-tcp.cmd.cid") " ttag=" field("nvme-tcp.ttag") \
		" offset=" field("nvme-tcp.data.offset") " length=" field("nvme-tcp.data.length")
}

function end_pdu(    name, plen) {
	if (!in_pdu)
		return
	in_pdu = 0
	name = names[number(shown["nvme-tcp.type"])]
	plen = number(shown["nvme-tcp.plen"])
	printf "%.0f %s %.0f %s flags=%s hlen=%s pdo=%s plen=%s%s\n", connection, sender,
		offset[connection, sender], name, field("nvme-tcp.flags"), field("nvme-tcp.hlen"),
		field("nvme-tcp.pdo"), field("nvme-tcp.plen"), fields(name)
	offset[connection, sender] += plen
}

function begin_pdu(    name) {
	in_pdu = 1
	for (name in shown)
		delete shown[name]
	connection = connections[tcp["tcp.stream"]]
	sender = tcp["tcp.dstport"] == port ? "host" : "controller"
}

# tcp.seq counts from the SYN, so the first byte has 1.
function give_up_frame(    end) {
	if (!in_pdu || !("nvme.cqe.dword0.get_features.arb" in shown))
		return
	in_pdu = 0
	end = tcp["tcp.seq"] - 1 + tcp["tcp.len"]
	printf "%.0f %s %.0f not-dissected %.0f\n", connection, sender, offset[connection, sender], end
	offset[connection, sender] = end
}

# A connection is known by the number of the host's first byte: the SYN's and 1.
function end_frame() {
	end_pdu()
	if (number(tcp["tcp.flags.syn"]) && tcp["tcp.dstport"] == port)
		connections[tcp["tcp.stream"]] = (tcp["tcp.seq_raw"] + 1) % 4294967296
}

# attribute(NAME): of the line at hand.
function attribute(name,    from, rest) {
	from = index($0, " " name "=\"")
	if (!from)
		return ""
	rest = substr($0, from + length(name) + 3)
	return substr(rest, 1, index(rest, "\"") - 1)
}

BEGIN {
	split("ICReq ICResp H2CTermReq C2HTermReq CapsuleCmd CapsuleResp H2CData C2HData - R2T", list, " ")
	for (i in list)
		names[i - 1] = list[i]
	split("1 2 4 5 8 12", list, " ")
	for (i in list)
		has_lba_range[list[i] + 0]
}
/<proto name="nvme-tcp"/ { end_pdu(); begin_pdu(); next }
/<proto name="_ws.malformed"/ { give_up_frame(); next }
/<field name="tcp\./ { tcp[attribute("name")] = attribute("show"); next }
/<field name="nvme[.-]/ {
	name = attribute("name")
	if (in_pdu && !(name in shown))
		shown[name] = attribute("show")
	next
}
/<\/packet>/ { end_frame() }
