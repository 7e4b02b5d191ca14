# SPDX-License-Identifier: BSD-2-Clause
# What `stoq watch --pdus --json` wrote (doc/watch-json.md), as the lines of line.h.
# Use: jq -nr -f watch.jq FILE
def has_lba_range: . as $opcode | [1, 2, 4, 5, 8, 12] | index($opcode) != null;

# The bytes between two sequence numbers, which wrap at 2^32.
def minus($base): (. - $base + 4294967296) % 4294967296;

def command($io):
  " opcode=\(.opcode) cid=\(.cid)" +
  if .opcode == 127 then
    " fctype=\(.fctype)" +
    if .fctype == 1 then
      " qid=\(.cdw10 / 65536 | floor) sqsize=\(.cdw11 % 65536)"
    else "" end
  else
    " nsid=\(.nsid)" +
    if $io and (.opcode | has_lba_range) then
      " slba=\(.cdw11 * 4294967296 + .cdw10) blocks=\(.cdw12 % 65536 + 1)"
    else "" end +
    " sgl=\(.sgl_type)" + if .sgl_type == 1 then " length=\(.sgl_length)" else "" end
  end;

def fields($io):
  if .pdu_name == "ICReq" then " pfv=\(.pfv) hpda=\(.hpda) digest=\(.digest) maxr2t=\(.maxr2t)"
  elif .pdu_name == "ICResp" then " pfv=\(.pfv) cpda=\(.cpda) digest=\(.digest) maxh2cdata=\(.maxh2cdata)"
  elif .pdu_name == "H2CTermReq" or .pdu_name == "C2HTermReq" then " fes=\(.fes)"
  elif .pdu_name == "CapsuleCmd" then command($io)
  elif .pdu_name == "CapsuleResp" then
    " cid=\(.cid) sqhd=\(.sqhd) status=\(.status) dnr=\(if .dnr then 1 else 0 end)"
  else " cid=\(.cid) ttag=\(.ttag) offset=\(.offset) length=\(.length)"
  end;

def pdu($flow):
  .sender as $sender
  | "\(.sender) \(.tcp_sequence | minus($flow[$sender])) \(.pdu_name)"
  + " flags=\(.flags) hlen=\(.hlen) pdo=\(.pdo) plen=\(.plen)" + fields($flow.io);

# A command that ended: begun and ended as the tc program itself understood it.
def ended:
  "command \(.queue) cid=\(.cid) opcode=\(.opcode)" +
  if .opcode == 127 then " fctype=\(.fctype)" else " nsid=\(.nsid)" end +
  if .slba != null then " slba=\(.slba) blocks=\(.blocks)" else "" end +
  if .status == 0 then " bytes=\(.bytes)" else "" end +
  " status=\(.status) dnr=\(if .dnr then 1 else 0 end)";

# For each flow: where each sender's bytes begin (its first PDU), and whether its queue is for I/O.
foreach (inputs | select(.type == "pdu" or .type == "command")) as $event ({};
  if $event.type == "pdu" then
    .[$event.flow | tostring] |=
      (.[$event.sender] //= $event.tcp_sequence
       | if $event.opcode == 127 and $event.fctype == 1 then .io = ($event.cdw10 >= 65536) else . end)
  else . end;
  .[$event.flow | tostring] as $flow
  | "\($flow.host) " + ($event | if .type == "pdu" then pdu($flow) else ended end))
