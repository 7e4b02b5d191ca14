# SPDX-License-Identifier: BSD-2-Clause
#
# What tshark's nvme-tcp dissector found (-T pdml), as the lines of line.h. A PDU is a
# <proto name="nvme-tcp"> and, for what is not Fabrics, the <proto name="nvme"> behind it; a
# frame may have any number of them. Use: awk -v port=PORT -f tshark.awk
#
# The dissector (4.0) does not say where in the stream a PDU begins. PDUs follow each other
# without a gap, so that is the sum of the lengths that it told so far.
#
# Commands are followed from capsule to completion, too. How much data a command moved is the sum
# of its data PDUs here, so it can be told for those that succeeded only.
#
# Not compared, for want of a field:
# - the SGL's length where its type is 5 (transport data block): the dissector knows the
#   descriptors of NVMe 1.2 and shows nothing of others. The command's R2T and data PDUs, which
#   are compared, have the length.
#
# The completion of a Get Features of Arbitration (01h) makes the dissector stop with an assertion of
# its own ("Unregistered hf"), so that it shows neither that PDU whole nor what follows in the
# frame. The line for that is CONNECTION SENDER OFFSET not-dissected END: nothing from OFFSET to END
# can be compared, nor can commands of that connection. Any other PDU that it stops at has fields
# "missing", and so differs.

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

# One that may well be missing.
function optional(name) {
	return name in shown ? number(shown[name]) : 0
}

function lba_range(    opcode) {
	if (!io[connection])
		return ""
	if ("nvme.cmd.slba" in shown)
		return " slba=" field("nvme.cmd.slba") " blocks=" field("nvme.cmd.nlb")
	opcode = optional("nvme.cmd.opc")
	if (!(opcode in has_lba_range))
		return ""
	return sprintf(" slba=%.0f blocks=%.0f",
		optional("nvme.cmd.dword11") * 4294967296 + optional("nvme.cmd.dword10"),
		optional("nvme.cmd.dword12") % 65536 + 1)
}

# A command, by connection and CID: what is to be said of it at its end, and the data it moved.
function begin_command(cid, text, data) {
	if (text ~ /^ opcode=12 / && !io[connection])
		text = "" # an Asynchronous Event Request waits for an event
	begun[connection, cid] = text
	moved[connection, cid] = data
}

function end_command(cid, status, dnr,    text) {
	text = begun[connection, cid]
	delete begun[connection, cid]
	if (text == "")
		return
	if (status == 0)
		text = text " bytes=" sprintf("%.0f", moved[connection, cid])
	printf "%.0f command %s cid=%s%s status=%s dnr=%s\n", connection,
		io[connection] ? "io" : "admin", cid, text, status, dnr
}

function fabrics_command(    cid, type, text) {
	cid = field("nvme.fabrics.cmd.cid")
	type = field("nvme.fabrics.cmd.fctype")
	if (type == 1) {
		io[connection] = optional("nvme.fabrics.cmd.connect.qid") > 0
		text = " qid=" field("nvme.fabrics.cmd.connect.qid") \
			" sqsize=" field("nvme.fabrics.cmd.connect.sqsize")
	}
	begin_command(cid, " opcode=127 fctype=" type, optional("nvme.cmd.sgl1.len"))
	return " opcode=127 cid=" cid " fctype=" type text
}

function nvme_command(    cid, opcode, text, sgl) {
	cid = field("nvme.cmd.cid")
	opcode = field("nvme.cmd.opc")
	text = " nsid=" field("nvme.cmd.nsid") lba_range()
	begin_command(cid, " opcode=" opcode text, optional("nvme.cmd.sgl1.len"))
	sgl = optional("nvme.cmd.sgl.type") * 16 + optional("nvme.cmd.sgl.subtype")
	text = text " sgl=" sgl
	if (sgl < 16)
		text = text " length=" field("nvme.cmd.sgl1.len")
	return " opcode=" opcode " cid=" cid text
}

function completion(    cid, status, dnr) {
	cid = field("nvme.cqe.cid")
	status = optional("nvme.cqe.status.sct") * 256 + field("nvme.cqe.status.sc")
	dnr = field("nvme.cqe.status.dnr")
	end_command(cid, status, dnr)
	return " cid=" cid " sqhd=" field("nvme.cqe.sqhd") " status=" status " dnr=" dnr
}

# A C2HData with SUCCESS ends its command.
function data(    cid) {
	cid = field("nvme-tcp.cmd.cid")
	moved[connection, cid] += optional("nvme-tcp.data.length")
	if (optional("nvme-tcp.flags.pdu.data_success"))
		end_command(cid, 0, 0)
	return " cid=" cid " ttag=" field("nvme-tcp.ttag") \
		" offset=" field("nvme-tcp.data.offset") " length=" field("nvme-tcp.data.length")
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
		return "nvme.fabrics.cmd.opc" in shown ? fabrics_command() : nvme_command()
	if (name == "CapsuleResp")
		return completion()
	if (name == "R2T")
		return " cid=" field("nvme-tcp.cmd.cid") " ttag=" field("nvme-tcp.ttag") \
			" offset=" field("nvme-tcp.r2t.offset") " length=" field("nvme-tcp.r2t.length")
	return data()
}

function end_pdu(    name, plen, text) {
	if (!in_pdu)
		return
	in_pdu = 0
	name = names[number(shown["nvme-tcp.type"])]
	plen = number(shown["nvme-tcp.plen"])
	text = fields(name)
	printf "%.0f %s %.0f %s flags=%s hlen=%s pdo=%s plen=%s%s\n", connection, sender,
		offset[connection, sender], name, field("nvme-tcp.flags"), field("nvme-tcp.hlen"),
		field("nvme-tcp.pdo"), field("nvme-tcp.plen"), text
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
